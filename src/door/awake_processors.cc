#include "door/awake_processors.h"

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace fusebox::door {
namespace {

constexpr std::int64_t kMostBetweenRequests = 2'000'000;
constexpr std::int64_t kLeastBetweenLooks = 50'000'000;  // so that a short pause changes nothing

// drivers/cpuidle/cpuidle-haltpoll.c: any tolerance but none at all lets the processor halt.
constexpr std::int32_t kNoHalt = 0;
// Without a hypervisor the first sleeping state costs 1 or 2 us (drivers/idle/intel_idle.c); the deep ones 100 and
// more.
constexpr std::int32_t kNoDeepSleep = 2;

}  // namespace

std::optional<std::int32_t> wake_up_to_ask_for(const std::string& idle_driver) {
  if (idle_driver.empty() || idle_driver == "none") return std::nullopt;
  return idle_driver == "haltpoll" ? kNoHalt : kNoDeepSleep;
}

AwakeProcessors AwakeProcessors::of_this_machine() {
  std::string driver;
  std::ifstream("/sys/devices/system/cpu/cpuidle/current_driver") >> driver;
  return {"/dev/cpu_dma_latency", wake_up_to_ask_for(driver)};
}

AwakeProcessors::AwakeProcessors(std::string device, std::optional<std::int32_t> microseconds)
    : device_(std::move(device)), microseconds_(microseconds) {}

bool AwakeProcessors::possible() const { return microseconds_ && ::access(device_.c_str(), W_OK) == 0; }

void AwakeProcessors::look(std::uint64_t requests, std::int64_t now) {
  if (!microseconds_) return;
  const bool first = looked_ == 0;
  if (!first && now - looked_ < kLeastBetweenLooks) return;
  const auto came = static_cast<std::int64_t>(requests - std::exchange(requests_, requests));
  const std::int64_t passed = now - std::exchange(looked_, now);
  if (first || came * kMostBetweenRequests >= passed) {
    keep();
  } else {
    request_.reset();
  }
}

void AwakeProcessors::keep() {
  if (request_) return;
  request_ = Fd(::open(device_.c_str(), O_WRONLY | O_CLOEXEC));
  if (request_ && ::write(request_.get(), &*microseconds_, sizeof(*microseconds_)) == sizeof(*microseconds_)) return;
  request_.reset();
  microseconds_.reset();  // not ours to ask for: do not try again
}

}  // namespace fusebox::door
