#include "door/awake_processors.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

namespace fusebox::door {
namespace {

constexpr std::int64_t kMillisecond = 1'000'000;

// A file in the place of the kernel's device.
class Device {
 public:
  Device() : fd_(::mkstemp(path_.data())) {}
  ~Device() { ::unlink(path_.c_str()); }

  const std::string& path() const { return path_; }
  std::string content() const {
    std::ostringstream content;
    content << std::ifstream(path_).rdbuf();
    return content.str();
  }

 private:
  std::string path_ = "/tmp/fusebox-awake-XXXXXX";
  Fd fd_;
};

TEST(AwakeProcessors, AreKeptFromTheStartWhileRequestsComeFastAndNoLonger) {
  const Device device;
  AwakeProcessors processors(device.path(), 0);
  EXPECT_FALSE(processors.kept());
  processors.look(0, 1000 * kMillisecond);
  EXPECT_TRUE(processors.kept());
  processors.look(100, 1200 * kMillisecond);
  EXPECT_TRUE(processors.kept());
  processors.look(199, 1400 * kMillisecond);
  EXPECT_FALSE(processors.kept());
  processors.look(400, 1600 * kMillisecond);
  EXPECT_TRUE(processors.kept());
}

TEST(AwakeProcessors, AskTheKernelForMicrosecondsAsA32BitNumber) {
  const Device device;
  AwakeProcessors processors(device.path(), 2);
  processors.look(0, kMillisecond);
  const std::int32_t two = 2;
  EXPECT_EQ(device.content(), std::string(reinterpret_cast<const char*>(&two), sizeof(two)));
}

TEST(AwakeProcessors, AreLeftAloneWhereTheDeviceIsNotOurs) {
  AwakeProcessors processors("/nonexistent/device", 0);
  processors.look(0, kMillisecond);
  EXPECT_FALSE(processors.kept());
}

TEST(AwakeProcessors, AreLeftAloneWhereNothingHelps) {
  const Device device;
  AwakeProcessors processors(device.path(), wake_up_to_ask_for("none"));
  processors.look(0, kMillisecond);
  EXPECT_FALSE(processors.kept());
  EXPECT_EQ(device.content(), "");
}

TEST(AwakeProcessors, NeedNotPollWhereNoHypervisorHaltsThem) {
  EXPECT_EQ(wake_up_to_ask_for("haltpoll"), 0);
  EXPECT_EQ(wake_up_to_ask_for("intel_idle"), 2);
  EXPECT_EQ(wake_up_to_ask_for(""), std::nullopt);
}

}  // namespace
}  // namespace fusebox::door
