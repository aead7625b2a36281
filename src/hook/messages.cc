#include "hook/messages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "base/fields.h"

namespace fusebox::hook {
namespace {

constexpr auto kVerdicts =
    std::to_array({policy::Verdict::allow, policy::Verdict::deny, policy::Verdict::predict, policy::Verdict::hide});
constexpr auto kScopes = std::to_array<std::pair<Scope, std::string_view>>(
    {{Scope::process, "process"}, {Scope::program, "program"}, {Scope::all, "all"}});
constexpr std::string_view kFailed = "failed";
constexpr std::string_view kAnyPath = "any";

template <class T>
bool parse(std::string_view text, T& into) {
  const auto [end, error] = std::from_chars(text.begin(), text.end(), into);
  return error == std::errc() && end == text.end();
}

// The pieces of a text between separators.
std::vector<std::string> pieces_of(std::string_view text, char between) {
  std::vector<std::string> pieces;
  while (true) {
    const std::size_t end = text.find(between);
    pieces.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

std::string encode_rule(const policy::ScriptRule& rule) {
  std::string text = rule.line + "\n";
  for (const std::string& event : rule.events) text += (text.ends_with('\n') ? "" : ",") + event;
  for (const std::string& path : rule.paths) text += "\n" + path;
  return text;
}

}  // namespace

std::string encode(std::uint64_t number, const guard::Question& question) {
  return join_fields({std::to_string(number), to_string(question.op), to_string(question.want), question.path,
                      question.to, std::to_string(question.process.pid), std::to_string(question.caller.tid),
                      std::to_string(question.caller.uid), question.process.exe});
}

std::optional<Asked> decode_asked(std::string_view message) {
  const auto fields = split_fields(message);
  Asked asked;
  if (fields.size() != 9 || !parse(fields[0], asked.number) || !parse(fields[5], asked.pid) ||
      !parse(fields[6], asked.tid) || !parse(fields[7], asked.uid)) {
    return std::nullopt;
  }
  asked.op = fields[1];
  asked.want = fields[2];
  asked.path = fields[3];
  asked.to = fields[4];
  asked.exe = fields[8];
  return asked;
}

std::optional<policy::Verdict> verdict_of(std::string_view word) {
  const auto* found = std::ranges::find_if(kVerdicts, [&](policy::Verdict one) { return to_string(one) == word; });
  return found != kVerdicts.end() ? std::optional(*found) : std::nullopt;
}

std::optional<Scope> scope_of(std::string_view word) {
  const auto* found = std::ranges::find(kScopes, word, &std::pair<Scope, std::string_view>::second);
  return found != kScopes.end() ? std::optional(found->first) : std::nullopt;
}

std::string encode(const Answered& answered) {
  const auto* scope = std::ranges::find(kScopes, answered.scope, &std::pair<Scope, std::string_view>::first);
  return join_fields({std::to_string(answered.number), answered.failed ? kFailed : to_string(answered.verdict),
                      std::to_string(answered.holds.count()), scope->second, std::to_string(answered.wants.bits()),
                      answered.any_path ? kAnyPath : "", answered.why});
}

std::optional<Answered> decode_answered(std::string_view message) {
  const auto fields = split_fields(message);
  Answered answered;
  std::int64_t holds = 0;
  unsigned wants = 0;
  if (fields.size() != 7 || !parse(fields[0], answered.number) || !parse(fields[2], holds) || holds < 0 ||
      !parse(fields[4], wants) || wants > Wants::kAll || (!fields[5].empty() && fields[5] != kAnyPath)) {
    return std::nullopt;
  }
  const auto scope = scope_of(fields[3]);
  answered.failed = fields[1] == kFailed;
  const auto verdict = answered.failed ? policy::Verdict::deny : verdict_of(fields[1]);
  if (!scope || !verdict) return std::nullopt;
  answered.verdict = *verdict;
  answered.holds = std::chrono::milliseconds(holds);
  answered.scope = *scope;
  answered.wants = Wants(wants);
  answered.any_path = !fields[5].empty();
  answered.why = fields[6];
  return answered;
}

policy::ScriptRule script_rule_of(std::string_view text) {
  std::vector<std::string> lines = pieces_of(text, '\n');
  policy::ScriptRule rule{.line = std::move(lines[0])};
  if (lines.size() > 1) rule.events = pieces_of(lines[1], ',');
  if (lines.size() > 2) rule.paths.assign(lines.begin() + 2, lines.end());
  return rule;
}

std::string encode(const Hello& hello) {
  std::string message = join_fields({hello.fault, hello.answers ? "answers" : ""});
  for (const policy::ScriptRule& rule : hello.rules) message += '\0' + encode_rule(rule);
  return message;
}

std::optional<Hello> decode_hello(std::string_view message) {
  const auto fields = split_fields(message);
  if (fields.size() < 2) return std::nullopt;
  Hello hello{.answers = !fields[1].empty(), .fault = std::string(fields[0])};
  for (std::size_t i = 2; i < fields.size(); ++i) hello.rules.push_back(script_rule_of(fields[i]));
  return hello;
}

}  // namespace fusebox::hook
