#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <thread>
#include <utility>

#include "base/descriptor_table.h"
#include "fusebox/mount.h"

namespace fusebox {
namespace {

// Unmounts on SIGINT, SIGTERM or SIGHUP; SIGUSR2 (from ourselves) ends the wait when the mount went by itself.
class Unmounter {
 public:
  Unmounter(std::string mountpoint, const sigset_t& signals, std::function<void()> report)
      : thread_([path = std::move(mountpoint), signals, report = std::move(report)] {
          int signal = SIGUSR1;
          while (signal == SIGUSR1) {
            ::sigwait(&signals, &signal);
            if (signal == SIGUSR1 && report) report();
          }
          if (signal != SIGUSR2) ::umount2(path.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW);
        }) {}
  ~Unmounter() {
    ::pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  Unmounter(const Unmounter&) = delete;
  Unmounter& operator=(const Unmounter&) = delete;

 private:
  std::thread thread_;
};

struct Arguments {
  std::string mountpoint;
  std::string transport = "auto";
};

int complain(const std::string& program, const Fault& fault) {
  std::fprintf(stderr, "%s: %s\n", program.c_str(), fault.line().c_str());
  return 1;
}

}  // namespace

Outcome<> serve_until_unmounted(Mount& mount, Ref<Node> root, const std::string& path, Background background,
                                const std::function<void()>& report) {
  // Before any thread exists, so that all of them leave the signals to one.
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (const Outcome<> served = mount.serve(std::move(root)); !served) return served;
  if (const Outcome<> attached = mount.attach(path); !attached) return attached;
  const Unmounter unmounter(path, signals, report);
  std::jthread beside;
  if (background) {
    beside = std::jthread([&mount, &background](const std::stop_token& stop) { background(mount, stop); });
  }
  mount.wait();
  return {};
}

int serve(Ref<Node> root, int argc, char** argv, MountOptions options, Background background) {
  Arguments arguments;
  CLI::App app;
  app.add_option("MOUNTPOINT", arguments.mountpoint, "An existing directory")->required();
  const std::span<const std::string_view> names = transport_names();
  app.add_option("--transport", arguments.transport, "How requests come from the kernel: auto takes the fastest")
      ->type_name("auto|io-uring|dev-fuse|single")
      ->check(CLI::IsMember(std::vector<std::string>(names.begin(), names.end())));
  app.footer("Stays in the foreground until MOUNTPOINT is unmounted; Ctrl-C or SIGTERM unmounts it.");
  CLI11_PARSE(app, argc, argv);
  use_all_descriptors();
  ::umask(0);
  if (arguments.transport != "auto") options.transport = *transport_named(arguments.transport);
  const auto mount = Mount::create(std::move(options));
  if (!mount) return complain(argv[0], mount.error());
  const Outcome<> served = serve_until_unmounted(**mount, std::move(root), arguments.mountpoint, std::move(background));
  return served ? 0 : complain(argv[0], served.error());
}

}  // namespace fusebox
