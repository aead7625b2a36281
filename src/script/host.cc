#include "script/host.h"

#include <mruby/variable.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "base/descriptor_message.h"
#include "ruby/bind.h"
#include "script/fuse_module.h"
#include "script/script_node.h"

namespace fusebox::script {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 1s;  // for those who still use the mount when it is to end
constexpr std::string_view kHost = "host";

// What nothing of Ruby may follow.
[[noreturn]] void leave(int status) {
  std::fflush(nullptr);
  ::_exit(status);
}

bool is_mounted(const std::string& path) {
  std::ifstream table("/proc/self/mountinfo");
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string field;
    for (int i = 0; i < 5; ++i) fields >> field;
    if (field == path || field.contains('\\')) return true;  // escaped: it may be ours
  }
  return false;
}

}  // namespace

Host::Host(HostOptions options) : options_(std::move(options)) {}
Host::~Host() = default;

Host& Host::of(mrb_state* mrb) {
  const mrb_value holder = mrb_obj_value(mrb_module_get(mrb, "Fusebox"));
  const mrb_value host = mrb_iv_get(mrb, holder, mrb_intern(mrb, kHost.data(), kHost.size()));
  return *static_cast<Host*>(mrb_cptr(host));
}

int Host::run() {
  auto engine = ruby::Engine::create(
      {.memory_limit = options_.memory_limit, .program_name = options_.file, .arguments = options_.arguments});
  if (!engine) {
    options_.tell(engine.error().line());
    return static_cast<int>(engine.error().code);
  }
  engine_ = *std::move(engine);
  ruby::Ran<> ran = engine_->protect([this](mrb_state* mrb) {
    const mrb_value holder = mrb_obj_value(mrb_module_get(mrb, "Fusebox"));
    mrb_iv_set(mrb, holder, mrb_intern(mrb, kHost.data(), kHost.size()), mrb_cptr_value(mrb, this));
    define_fuse(mrb);
  });
  if (ran) ran = engine_->evaluate(fuse_module());
  if (ran) ran = engine_->load(options_.file);
  return ran ? 0 : status_of(ran.error());
}

int Host::status_of(const ruby::Raised& raised) {
  if (raised.exit_status) return *raised.exit_status & 0xff;
  options_.tell(raised.line);
  return 1;
}

Outcome<> Host::serve(const Settings& settings) {
  auto mount = Mount::create({.source = settings.source,
                              .subtype = settings.subtype,
                              .transport = options_.transport,
                              .users = settings.owner_alone ? Users::owner : Users::all,
                              .read_only = settings.read_only,
                              .extended_attributes = settings.extended_attributes});
  if (!mount) return std::unexpected(mount.error());
  engine_->forbid_fork();
  script_ = std::make_unique<Script>(*engine_, settings,
                                     Script::Outside{.tell = options_.tell,
                                                     .end = [this](int status) { ending_.ask(status); },
                                                     .debug = options_.debug || settings.debug});
  mount_ = mount->get();
  if (const Outcome<> served = (*mount)->serve(root_of(*script_)); !served) return served;
  const Outcome<std::string> shown = show(**mount, settings);
  if (shown) wait(**mount, *shown);
  mount_ = nullptr;
  (*mount)->end();
  if (!script_->close(kPatience)) leave(ending_.status().value_or(1));
  script_.reset();
  if (!shown) return std::unexpected(shown.error());
  return {};
}

// Where it is shown; empty: elsewhere.
Outcome<std::string> Host::show(Mount& mount, const Settings& settings) {
  if (options_.hand_over) {
    if (!send_descriptor(options_.hand_over.get(), mount.take().get())) {
      return std::unexpected(fault_with_errno("hand over the file system"));
    }
    return std::string();
  }
  const std::unique_ptr<char, void (*)(void*)> absolute(::realpath(settings.path.c_str(), nullptr), std::free);
  if (!absolute) return std::unexpected(fault_with_errno("mount on " + settings.path, "make the directory"));
  if (const Outcome<> attached = mount.attach(absolute.get()); !attached) return std::unexpected(attached.error());
  if (options_.mounted) options_.mounted(absolute.get(), settings.background);
  return std::string(absolute.get());
}

// Until it is unmounted, or asked to end.  Does not return where a hook, or somebody who has a file open, does not let
// go.
void Host::wait(Mount& mount, const std::string& shown_at) {
  std::thread waiter([&mount, this] {
    mount.wait();
    ending_.unmounted();
  });
  Ending::Event event = Ending::Event::none;
  while (event == Ending::Event::none) {
    event = ending_.wait(5s);
    // A hook that does not return keeps its thread, and so the wait for the threads, past the end of the mount.
    if (event == Ending::Event::none && !shown_at.empty() && !is_mounted(shown_at))
      event = ending_.wait(kPatience);
    else
      continue;
    if (event != Ending::Event::unmounted) leave(1);
  }
  if (event == Ending::Event::asked) {
    if (!shown_at.empty()) ::umount2(shown_at.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
    if (ending_.wait(kPatience) != Ending::Event::unmounted) leave(ending_.status().value_or(0));
  }
  waiter.join();
}

bool Host::notify(const std::string& path) {
  const Ref<Node> node = script_ && mount_ != nullptr ? script_->nodes().find(path) : nullptr;
  if (node) mount_->notifier().invalidate(node);
  return node != nullptr;
}

}  // namespace fusebox::script
