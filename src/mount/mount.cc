#include "fusebox/mount.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "dispatch/server.h"
#include "door/awake_processors.h"
#include "door/backing_files.h"
#include "door/mount.h"

namespace fusebox {
namespace {

// Readers for each processor's queue of requests: one, and others for when it is held up, until there are more.
constexpr unsigned kReadersOfAQueue = 3;
// Each queue costs three threads and six descriptors; with more, they are had on request only.
constexpr unsigned kMostQueues = 64;

constexpr std::array<std::string_view, 4> kTransportNames = {"auto", "io-uring", "dev-fuse", "single"};

// With processors kept awake /dev/fuse is the faster way, else the rings are (docs/decisions/0004-transports.md).
Outcome<door::Rings> rings_for(const MountOptions& options, const Fd& device) {
  const bool stay_awake =
      options.idle_processors == IdleProcessors::keep_awake && door::AwakeProcessors::of_this_machine().possible();
  if (options.transport == Transport::automatic && stay_awake) return {};
  if (options.transport != Transport::automatic && options.transport != Transport::io_uring) return {};
  const std::optional<unsigned> needed = door::ring_queues_needed();
  const bool must = options.transport == Transport::io_uring;
  if (!needed) {
    if (!must) return {};
    return std::unexpected(Fault{.what = "--transport io-uring",
                                 .why = "this kernel does not offer FUSE over io_uring",
                                 .remedy = "fusebox doctor says why"});
  }
  if (!must && *needed > kMostQueues) return {};
  auto rings = door::create_rings(device, *needed, kReadersOfAQueue, dispatch::SessionOptions().max_write);
  if (!rings && !must) return {};
  return rings;
}

dispatch::SessionOptions session_options(const MountOptions& options, bool has_rings) {
  const bool kernel_checks = options.permissions == Permissions::kernel_checks;
  return {.passthrough = true,
          .over_io_uring = has_rings,
          .posix_acl = kernel_checks && options.extended_attributes,
          .locks = options.locks == Locks::forwarded,
          .opens_files = options.opens_files,
          .opens_directories = options.opens_directories,
          .extended_attributes = options.extended_attributes,
          .idmapped = options.idmapped,
          .creation_context = options.creation_context,
          .request_timeout =
              static_cast<std::uint16_t>(std::clamp<std::int64_t>(options.request_timeout.count(), 0, 65535))};
}

// Threads that are started in its scope leave all signals to others.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

std::span<const std::string_view> transport_names() { return kTransportNames; }

std::optional<Transport> transport_named(std::string_view name) {
  const auto found = std::ranges::find(kTransportNames, name);
  if (found == kTransportNames.end()) return std::nullopt;
  return static_cast<Transport>(found - kTransportNames.begin());
}

struct Mount::Impl {
  explicit Impl(MountOptions given) : options(std::move(given)) {}

  const MountOptions options;
  door::DetachedMount connection;
  std::optional<door::BackingFiles> backing;
  std::optional<dispatch::Session> session;
  std::unique_ptr<dispatch::Server> server;
};

Mount::Mount(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Mount::~Mount() { end(); }

void Mount::end() {
  impl_->connection.mount.reset();  // a mount that nobody attached ends here
  impl_->server.reset();
  impl_->session.reset();
}

Outcome<std::unique_ptr<Mount>> Mount::create(MountOptions options) {
  auto impl = std::make_unique<Impl>(std::move(options));
  auto connection =
      door::create_detached_mount({.source = impl->options.source,
                                   .subtype = impl->options.subtype,
                                   .default_permissions = impl->options.permissions == Permissions::kernel_checks,
                                   .allow_other = impl->options.users == Users::all,
                                   .read_only = impl->options.read_only});
  if (!connection) return std::unexpected(connection.error());
  impl->connection = *std::move(connection);
  impl->backing.emplace(impl->connection.device.get());
  return std::unique_ptr<Mount>(new Mount(std::move(impl)));
}

Outcome<> Mount::serve(Ref<Node> root) {
  auto rings = rings_for(impl_->options, impl_->connection.device);
  if (!rings) return std::unexpected(rings.error());
  const bool single = impl_->options.transport == Transport::single_reader;
  const bool keep_awake = impl_->options.idle_processors == IdleProcessors::keep_awake;
  impl_->session.emplace(std::move(root), session_options(impl_->options, !rings->empty()));
  const SignalsBlocked blocked;
  auto server = dispatch::Server::start(
      *impl_->session, impl_->connection.device,
      {.rings = *std::move(rings),
       .readers = single ? dispatch::Readers::one : dispatch::Readers::as_callers_need,
       .processors = keep_awake ? dispatch::Processors::keep_awake : dispatch::Processors::let_halt});
  if (!server) return std::unexpected(server.error());
  impl_->server = *std::move(server);
  return {};
}

Backing& Mount::backing() { return *impl_->backing; }
Notifier& Mount::notifier() { return impl_->session->notifier(); }
Executor& Mount::executor() { return impl_->session->executor(); }

MountState Mount::state() const {
  MountState state;
  for (const auto& [name, requests] : impl_->session->counts()) state.requests.push_back({name, requests});
  state.nodes = impl_->session->tree().inodes.size();
  state.handles = impl_->session->tree().handles.size();
  return state;
}

Outcome<> Mount::attach(const std::string& path) { return door::attach(take(), path); }
Fd Mount::take() { return std::move(impl_->connection.mount); }
void Mount::wait() { impl_->server->join(); }

}  // namespace fusebox
