#include "cli/host_view.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "door/awake_processors.h"

namespace fusebox::cli {
namespace {

constexpr std::size_t kMostDescriptors = 16384;

// Readers for each processor's queue of requests: one, and others for when it is held up, until there are more.
constexpr unsigned kReadersOfAQueue = 3;
// Each queue costs three threads and six descriptors; with more, they are had on request only.
constexpr unsigned kMostQueues = 64;

// With processors kept awake /dev/fuse is the faster way, else the rings are (docs/decisions/0004-transports.md).
Outcome<door::Rings> rings_for(Transport transport, dispatch::Processors processors, const Fd& device) {
  const bool stay_awake =
      processors == dispatch::Processors::keep_awake && door::AwakeProcessors::of_this_machine().possible();
  if (transport == Transport::automatic && stay_awake) return {};
  if (transport != Transport::automatic && transport != Transport::io_uring) return {};
  const std::optional<unsigned> needed = door::ring_queues_needed();
  const bool must = transport == Transport::io_uring;
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

}  // namespace

std::size_t descriptor_budget() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 64;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  // The other half is for files that are open for writing, listings, the log and the queues.
  return std::min<std::size_t>(limit.rlim_cur / 2, kMostDescriptors);
}

HostView::~HostView() {
  mount_.mount.reset();  // a mount that nobody took ends here
}

Outcome<std::unique_ptr<HostView>> HostView::serve(Fd root, HostViewOptions options) {
  std::unique_ptr<HostView> view(new HostView());
  auto mount = door::create_detached_mount({});
  if (!mount) return std::unexpected(mount.error());
  view->mount_ = *std::move(mount);
  view->backing_ = std::make_unique<door::BackingFiles>(view->mount_.device.get());

  const Validity validity = options.freshness == Freshness::at_once ? Validity::zero() : std::chrono::seconds(1);
  auto store = HostStore::create(std::move(root), {.entry_validity = validity,
                                                   .attr_validity = validity,
                                                   .negative_validity = validity,
                                                   .max_descriptors = descriptor_budget(),
                                                   .backing = view->backing_.get(),
                                                   .makes_devices = options.guard == nullptr,
                                                   .outside_objects = options.outside,
                                                   .grafts = std::move(options.grafts)});
  if (!store) return std::unexpected(store.error());
  view->store_ = *std::move(store);

  Ref<Node> tree = view->store_->root();
  if (options.guard != nullptr) tree = guard::wrap_root(*options.guard, std::move(tree));
  auto rings = rings_for(options.transport, options.processors, view->mount_.device);
  if (!rings) return std::unexpected(rings.error());
  view->session_ = std::make_unique<dispatch::Session>(
      std::move(tree), dispatch::SessionOptions{.passthrough = true, .over_io_uring = !rings->empty()});
  const bool single = options.transport == Transport::single_reader;
  auto server =
      dispatch::Server::start(*view->session_, view->mount_.device,
                              {.rings = *std::move(rings),
                               .readers = single ? dispatch::Readers::one : dispatch::Readers::as_callers_need,
                               .processors = options.processors});
  if (!server) return std::unexpected(server.error());
  view->server_ = *std::move(server);
  return view;
}

}  // namespace fusebox::cli
