#include "script/ending.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

namespace fusebox::script {
namespace {

void raise_event(const Fd& event) {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event.get(), &one, sizeof one);
}

}  // namespace

Ending::Ending() : asked_(::eventfd(0, EFD_CLOEXEC)), unmounted_(::eventfd(0, EFD_CLOEXEC)) {
  sigset_t taken;
  ::sigemptyset(&taken);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&taken, signal);
  ::pthread_sigmask(SIG_BLOCK, &taken, &before_);
  signals_ = Fd(::signalfd(-1, &taken, SFD_CLOEXEC));
}

Ending::~Ending() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void Ending::ask(int status) {
  int none = kNotAsked;
  status_.compare_exchange_strong(none, status & 0xff);
  raise_event(asked_);
}

void Ending::unmounted() { raise_event(unmounted_); }

std::optional<int> Ending::status() const {
  const int status = status_;
  return status == kNotAsked ? std::nullopt : std::optional(status);
}

Ending::Event Ending::wait(std::chrono::milliseconds patience) {
  std::array<pollfd, 3> events = {
      {{unmounted_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}, {asked_.get(), POLLIN, 0}}};
  ::poll(events.data(), events.size(), static_cast<int>(patience.count()));
  if (events[0].revents != 0) return Event::unmounted;
  if (events[1].revents == 0 && events[2].revents == 0) return Event::none;
  // Taken, so that the next wait is for something new.
  signalfd_siginfo signal{};
  std::uint64_t count = 0;
  if (events[1].revents != 0) [[maybe_unused]]
    const ssize_t got = ::read(signals_.get(), &signal, sizeof signal);
  if (events[2].revents != 0) [[maybe_unused]]
    const ssize_t got = ::read(asked_.get(), &count, sizeof count);
  return Event::asked;
}

}  // namespace fusebox::script
