// Events posted to URLs, many at a time, by one thread.
#pragma once

#include <poll.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "action/retry_queue.h"
#include "http/curl_library.h"

namespace fusebox::action {

class Webhooks {
 public:
  static Outcome<std::unique_ptr<Webhooks>> create();
  ~Webhooks();
  Webhooks(const Webhooks&) = delete;
  Webhooks& operator=(const Webhooks&) = delete;

  // A POST with the event's line as its body.  `rule` is the caller's.
  void post(std::size_t rule, const std::string& url, Delivery delivery, std::chrono::milliseconds time_limit);

  struct Ended {
    std::size_t rule = 0;
    Delivery delivery;
    std::string why{};       // empty: the server took it
    bool try_again = false;  // it may be taken later
  };
  // Does what can be done without waiting.
  std::vector<Ended> proceed();

  // Waits until there is something to do for proceed() or for one of `others`, but no longer than `patience`.
  void wait(std::span<const pollfd> others, std::chrono::milliseconds patience);

  // Drops what is under way for a rule.
  std::vector<Delivery> abandon(std::size_t rule);

  // When the oldest that is under way for a rule came.
  std::optional<Time> oldest(std::size_t rule) const;

 private:
  struct Transfer;

  explicit Webhooks(const http::CurlLibrary& curl);
  Ended conclude(Transfer& transfer, CURLcode code) const;

  const http::CurlLibrary& curl_;
  CURLM* const multi_;
  curl_slist* headers_ = nullptr;
  std::map<CURL*, std::unique_ptr<Transfer>> transfers_;
};

}  // namespace fusebox::action
