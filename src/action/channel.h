// What the supervisor and those who act on events tell each other; one datagram each (base/helper.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "audit/event.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::action {

// Supervisor to who acts: one event for one rule.
struct Order {
  std::size_t rule = 0;
  std::uint64_t event = 0;  // its `seq` in the log
  std::string op;
  std::string path;
  std::string to;
  std::string pid;  // empty: not known
  std::string uid;
  std::string exe;
  std::string verdict;
  std::string json;  // its line in the log
};

std::string encode(const Order& order);

// The command has ended: so long is waited.
struct End {
  std::chrono::milliseconds at_most{};              // for anything
  std::optional<std::chrono::milliseconds> idle{};  // for a server that says nothing; none: as long as for the rest
};

std::string encode(const End& end);

// Back: what became of an order; no `why`: it was done.
struct Report {
  std::size_t rule = 0;
  std::uint64_t event = 0;
  std::string why;
};

std::string encode(const Report& report);
std::optional<Report> decode_report(std::string_view message);

// One or the other.
using Told = std::variant<Order, End>;
std::optional<Told> decode_told(std::string_view message);

Order order_of(std::size_t rule, const audit::Event& event, std::uint64_t seq, std::string_view line);

class Receiver {
 public:
  // The next datagram, good until the next call; waits for none.  Errno::again: there is none yet; no_data: the other
  // end is closed.
  Result<std::string_view> receive(const Fd& channel);
  // The same, but waits for one.
  Result<std::string_view> wait(const Fd& channel);

 private:
  Result<std::string_view> receive(const Fd& channel, int flags);

  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
};

// Errno::again: not now.
Result<> send(const Fd& channel, std::string_view message);

}  // namespace fusebox::action
