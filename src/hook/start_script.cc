#include "hook/start_script.h"

#include <poll.h>

#include <chrono>

#include "action/channel.h"
#ifdef FUSEBOX_SCRIPT
#include "hook/host/script_host.h"
#endif

namespace fusebox::hook {

#ifdef FUSEBOX_SCRIPT
namespace {

constexpr std::chrono::seconds kLoadsWithin{10};

Outcome<Hello> hear_hello(const policy::HookRule& rule, Helper& helper) {
  const auto fault = [&](std::string why) {
    return std::unexpected(Fault{.what = rule.origin + ": script " + rule.script, .why = std::move(why), .remedy = {}});
  };
  pollfd readable{helper.channel().get(), POLLIN, 0};
  if (::poll(&readable, 1, static_cast<int>(std::chrono::milliseconds(kLoadsWithin).count())) <= 0) {
    return fault("it does not come to its end within 10s");
  }
  action::Receiver receiver;
  const auto message = receiver.receive(helper.channel());
  if (!message) return fault("it ended while it was read (" + helper.end() + ")");
  auto hello = decode_hello(*message);
  if (!hello) return fault("its process says nothing that makes sense");
  if (!hello->fault.empty()) return std::unexpected(Fault{.what = std::move(hello->fault), .why = {}, .remedy = {}});
  return *std::move(hello);
}

}  // namespace

Outcome<StartedScript> start_script(const policy::HookRule& rule) {
  auto helper = Helper::start("fusebox-policy", [&](const Fd& channel) { answer_for_script(channel, rule.script); });
  if (!helper) return std::unexpected(std::move(helper).error());
  auto hello = hear_hello(rule, *helper);
  if (!hello) return std::unexpected(std::move(hello).error());
  return StartedScript{.hello = *std::move(hello), .answering = *std::move(helper)};
}

Outcome<Helper> start_acting(const policy::HookRule& rule, std::size_t first) {
  auto helper = Helper::start("fusebox-actor", [&](const Fd& channel) { act_for_script(channel, rule.script, first); });
  if (!helper) return helper;
  const auto hello = hear_hello(rule, *helper);
  if (!hello) return std::unexpected(hello.error());
  return helper;
}
#else
Outcome<StartedScript> start_script(const policy::HookRule& rule) {
  return std::unexpected(Fault{.what = rule.origin,
                               .why = "this fusebox was built without scripting",
                               .remedy = "build it with -DFUSEBOX_SCRIPT=ON, or leave [hook] out"});
}

Outcome<Helper> start_acting(const policy::HookRule& rule, std::size_t) {
  return std::unexpected(start_script(rule).error());
}
#endif

}  // namespace fusebox::hook
