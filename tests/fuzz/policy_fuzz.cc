// Any bytes as a policy file, and behind the first NUL any bytes as paths to ask about: no crash, no hang, and what a
// decision promises holds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "policy/explain.h"
#include "policy/load.h"

namespace {

using namespace fusebox::policy;

void require(bool holds) {
  if (!holds) std::abort();
}

void ask(const Policy& policy, std::string_view path, std::string_view other) {
  const bool hidden = policy.decide(path, Want::read).verdict == Verdict::hide;
  for (const Want want : {Want::stat, Want::read, Want::write}) {
    const Explanation explanation = explain(policy, path, want);
    require(explanation.decision == policy.decide(path, want));
    if (explanation.decision.rule != kNoRule) policy.describe(explanation.decision.rule);
    // Hidden is hidden for all, but for looking on the way to something open.
    if (want == Want::write) require((explanation.decision.verdict == Verdict::hide) == hidden);
    if (want == Want::stat && !hidden && path.starts_with('/')) {
      require(explanation.decision.verdict != Verdict::hide);
    }
  }
  const bool same = policy.same_below(path, other);
  require(same == policy.same_below(other, path));
  if (!same) return;
  for (const char* rest : {"a", "b", "a/b", ".ssh"}) {
    const std::string here = std::string(path) + (path == "/" ? "" : "/") + rest;
    const std::string there = std::string(other) + (other == "/" ? "" : "/") + rest;
    for (const Want want : {Want::stat, Want::read, Want::write}) {
      require(policy.decide(here, want).verdict == policy.decide(there, want).verdict);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string_view text = bytes.substr(0, bytes.find('\0'));
  const std::string_view paths = bytes.substr(std::min(bytes.size(), text.size() + 1));
  const std::string_view path = paths.substr(0, paths.find('\0'));
  const std::string_view other = paths.substr(std::min(paths.size(), path.size() + 1));

  Sources sources;
  sources.file = SourceFile{"fuzz.toml", std::string(text)};
  sources.variables = {{"PWD", "/home/a/b"}, {"HOME", "/home/a"}, {"TMPDIR", "/tmp"}, {"USER", "a"}};
  sources.directory = "/home/a/b";
  sources.flags = {{RuleKind::write, std::string(other), "--write"}};
  sources.resolve = [](const std::string& known) -> std::optional<std::string> {
    if (known.ends_with("link")) return "/target";
    return known;
  };
  auto loaded = load(sources);
  if (!loaded) {
    require(loaded.error().line().find('\n') == std::string::npos);
    // Most files are broken; then the paths make a policy of their own.
    const Policy policy({{RuleKind::hide, std::string(path), ""}, {RuleKind::write, std::string(other), ""}});
    ask(policy, path, other);
    return 0;
  }
  ask(loaded->policy, path, other);
  return 0;
}
