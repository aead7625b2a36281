#include "audit/record.h"

#include <algorithm>
#include <array>
#include <concepts>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

namespace fusebox::audit {
namespace {

using Json = nlohmann::json;

// The end of the year 9999: what localtime_r(3) and people can still do something with.
constexpr double kLatest = 253'402'300'800.0;

// RFC 4648, section 4, with padding.
std::optional<std::string> decode_base64(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  std::string bytes;
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const std::size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    buffer = (buffer << 6 | static_cast<unsigned>(value)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes += static_cast<char>(buffer >> bits & 0xff);
  }
  return bytes;
}

// Takes the members of one object; remembers the first that is not as it must be.
class Members {
 public:
  explicit Members(const Json& object) : object_(object) {}

  void take_time(double& into) {
    const Json* member = find("t");
    if (member == nullptr) return reject("t", "is missing");
    if (!member->is_number() || !(member->get<double>() >= 0 && member->get<double>() < kLatest)) {
      return reject("t", "is no time");
    }
    into = member->get<double>();
  }

  template <std::integral T>
  void take(const char* key, T& into) {
    const Json* member = find(key);
    if (member == nullptr) return;
    const bool fits = member->is_number_unsigned() &&
                      member->get<std::uint64_t>() <= static_cast<std::uint64_t>(std::numeric_limits<T>::max());
    if (!fits) return reject(key, "is no number that fits");
    into = static_cast<T>(member->get<std::uint64_t>());
  }

  void take(const char* key, std::string& into) {
    const Json* member = find(key);
    if (member == nullptr) return;
    if (!member->is_string()) return reject(key, "is no string");
    into = member->get_ref<const std::string&>();
  }

  void take_word(const char* key, std::string& into) {
    take(key, into);
    if (into.empty()) reject(key, "is missing");
  }

  void take_bytes(const char* key, std::string& into) {
    take(key, into);
    const std::string encoded_key = std::string(key) + "_b64";
    std::string encoded;
    take(encoded_key.c_str(), encoded);
    if (encoded.empty()) return;
    auto bytes = decode_base64(encoded);
    if (!bytes) return reject(encoded_key.c_str(), "is no base64");
    into = *std::move(bytes);
  }

  void take(const char* key, std::vector<std::string>& into) {
    const Json* member = find(key);
    if (member == nullptr) return;
    if (!member->is_array() || !std::ranges::all_of(*member, [](const Json& flag) { return flag.is_string(); })) {
      return reject(key, "is no list of strings");
    }
    for (const Json& flag : *member) into.push_back(flag.get_ref<const std::string&>());
  }

  void take(const char* key, std::optional<std::uint64_t>& into) {
    if (find(key) != nullptr) take(key, into.emplace());
  }

  const std::string& problem() const { return problem_; }

 private:
  const Json* find(const char* key) const {
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }

  void reject(const char* key, const char* why) {
    if (problem_.empty()) problem_ = std::string("'") + key + "' " + why;
  }

  const Json& object_;
  std::string problem_;
};

}  // namespace

std::expected<Record, std::string> parse_line(std::string_view line) {
  const Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (object.is_discarded()) return std::unexpected("not JSON");
  if (!object.is_object()) return std::unexpected("not a JSON object");
  Record record;
  Members members(object);
  members.take_time(record.time);
  members.take("seq", record.seq);
  members.take("pid", record.pid);
  members.take("tid", record.tid);
  members.take("uid", record.uid);
  members.take_bytes("exe", record.exe);
  members.take_word("op", record.op);
  members.take_bytes("path", record.path);
  members.take_bytes("to", record.to);
  members.take("flags", record.flags);
  members.take_word("verdict", record.verdict);
  members.take_bytes("rule", record.rule);
  members.take("errno", record.error);
  members.take("bytes", record.bytes);
  members.take_bytes("why", record.why);
  if (!members.problem().empty()) return std::unexpected(members.problem());
  return record;
}

}  // namespace fusebox::audit
