#include "dispatch/server.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <utility>

namespace fusebox::dispatch {

Outcome<std::unique_ptr<Server>> Server::start(Session& session, const Fd& device, ServerOptions options) {
  const unsigned processors = std::max(1u, std::thread::hardware_concurrency());
  const unsigned count = options.threads != 0 ? options.threads : processors;
  auto spin = options.spin.count() > 0 ? std::make_shared<door::SpinPolicy>(options.spin) : nullptr;
  std::unique_ptr<Server> server(new Server());
  for (unsigned i = 0; i < count; ++i) {
    Outcome<Fd> queue = door::clone_device(device);
    if (!queue) return std::unexpected(queue.error());
    server->channels_.push_back(std::make_unique<door::DevFuseChannel>(*std::move(queue), spin));
  }
  for (unsigned i = 0; i < count; ++i) {
    door::DevFuseChannel& channel = *server->channels_[i];
    std::thread& thread = server->threads_.emplace_back([&session, &channel] { session.serve(channel); });
    if (options.pin) {
      cpu_set_t set;
      CPU_ZERO(&set);
      CPU_SET(i % processors, &set);
      ::pthread_setaffinity_np(thread.native_handle(), sizeof(set), &set);
    }
  }
  return server;
}

void Server::join() {
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

Server::~Server() { join(); }

}  // namespace fusebox::dispatch
