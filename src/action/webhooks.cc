#include "action/webhooks.h"

#include <algorithm>
#include <utility>

namespace fusebox::action {
namespace {

constexpr long kConnectMs = 3000;
// Of an answer nothing is kept; a server that goes on and on is hung up on.
constexpr curl_off_t kLongestAnswer = 1 << 20;

std::size_t drop(char*, std::size_t size, std::size_t count, void* received) {
  auto& total = *static_cast<curl_off_t*>(received);
  total += static_cast<curl_off_t>(size * count);
  return total > kLongestAnswer ? 0 : size * count;
}

// What may pass: too many requests, a server that starts or is overloaded.
bool may_pass(long status) { return status == 408 || status == 425 || status == 429 || status >= 500; }

}  // namespace

// Stays where it is: libcurl holds its address.
struct Webhooks::Transfer {
  Transfer(const http::CurlLibrary& library, CURL* easy, std::size_t of, Delivery what)
      : curl(library), handle(easy), rule(of), delivery(std::move(what)) {}
  ~Transfer() { curl.easy_cleanup(handle); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  const http::CurlLibrary& curl;
  CURL* const handle;
  const std::size_t rule;
  Delivery delivery;
  curl_off_t received = 0;
};

Webhooks::Webhooks(const http::CurlLibrary& curl) : curl_(curl), multi_(curl_.multi_init()) {
  headers_ = curl_.slist_append(headers_, "Content-Type: application/json");
  headers_ = curl_.slist_append(headers_, "Expect:");  // no question before the body
}

Webhooks::~Webhooks() {
  for (const auto& [handle, transfer] : transfers_) curl_.multi_remove_handle(multi_, handle);
  transfers_.clear();
  curl_.multi_cleanup(multi_);
  curl_.slist_free_all(headers_);
}

Outcome<std::unique_ptr<Webhooks>> Webhooks::create() {
  const auto& curl = http::CurlLibrary::get();
  if (!curl) return std::unexpected(curl.error());
  return std::unique_ptr<Webhooks>(new Webhooks(*curl));
}

void Webhooks::post(std::size_t rule, const std::string& url, Delivery delivery, std::chrono::milliseconds time_limit) {
  CURL* handle = curl_.easy_init();
  auto transfer = std::make_unique<Transfer>(curl_, handle, rule, std::move(delivery));
  const auto set = [&](CURLoption option, auto value) { curl_.easy_setopt(handle, option, value); };
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);  // abandon() waits for no look-up of a name
  set(CURLOPT_USERAGENT, "fusebox/" FUSEBOX_VERSION);
  set(CURLOPT_HTTPHEADER, headers_);
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(transfer->delivery.json.size()));
  set(CURLOPT_POSTFIELDS, transfer->delivery.json.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(time_limit.count()));
  set(CURLOPT_WRITEFUNCTION, &drop);
  set(CURLOPT_WRITEDATA, &transfer->received);
  curl_.multi_add_handle(multi_, handle);
  transfers_.emplace(handle, std::move(transfer));
}

Webhooks::Ended Webhooks::conclude(Transfer& transfer, CURLcode code) const {
  Ended ended{.rule = transfer.rule, .delivery = std::move(transfer.delivery)};
  long status = 0;
  curl_.easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
  // A server that has said yes and then goes on for too long has said yes.
  const bool is_answered = code == CURLE_OK || (code == CURLE_WRITE_ERROR && status != 0);
  if (!is_answered) {
    ended.why = curl_.easy_strerror(code);
    ended.try_again = code != CURLE_URL_MALFORMAT && code != CURLE_UNSUPPORTED_PROTOCOL;
  } else if (status < 200 || status > 299) {
    ended.why = "the server says " + std::to_string(status);
    ended.try_again = may_pass(status);
  }
  return ended;
}

std::vector<Webhooks::Ended> Webhooks::proceed() {
  int running = 0;
  curl_.multi_perform(multi_, &running);
  std::vector<Ended> ended;
  int left = 0;
  while (const CURLMsg* message = curl_.multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* handle = message->easy_handle;
    ended.push_back(conclude(*transfers_.at(handle), message->data.result));
    curl_.multi_remove_handle(multi_, handle);
    transfers_.erase(handle);
  }
  return ended;
}

void Webhooks::wait(std::span<const pollfd> others, std::chrono::milliseconds patience) {
  std::vector<curl_waitfd> watched;
  for (const pollfd& other : others) {
    const int reads = (other.events & POLLIN) != 0 ? CURL_WAIT_POLLIN : 0;
    const int writes = (other.events & POLLOUT) != 0 ? CURL_WAIT_POLLOUT : 0;
    watched.push_back({.fd = other.fd, .events = static_cast<short>(reads | writes), .revents = 0});
  }
  curl_.multi_poll(multi_, watched.data(), static_cast<unsigned>(watched.size()), static_cast<int>(patience.count()),
                   nullptr);
}

std::vector<Delivery> Webhooks::abandon(std::size_t rule) {
  std::vector<Delivery> abandoned;
  std::erase_if(transfers_, [&](auto& entry) {
    if (entry.second->rule != rule) return false;
    curl_.multi_remove_handle(multi_, entry.first);
    abandoned.push_back(std::move(entry.second->delivery));
    return true;
  });
  return abandoned;
}

std::optional<Time> Webhooks::oldest(std::size_t rule) const {
  std::optional<Time> oldest;
  for (const auto& [handle, transfer] : transfers_) {
    if (transfer->rule == rule && (!oldest || transfer->delivery.came < *oldest)) oldest = transfer->delivery.came;
  }
  return oldest;
}

}  // namespace fusebox::action
