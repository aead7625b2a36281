#include "policy/load.h"

#include <algorithm>
#include <utility>

#include "policy/forms.h"
#include "policy/load_acting.h"
#include "policy/pattern.h"
#include "policy/profiles.h"
#include "policy/suggest.h"

namespace fusebox::policy {
namespace {

// A rule whose text is understood.
struct Read {
  RuleKind kind{};
  Pattern pattern;
  std::optional<Pattern> without_symlinks;
  std::string origin;
};

std::unexpected<Fault> fault_at(std::string where, Complaint complaint) {
  return std::unexpected(
      Fault{.what = std::move(where), .why = std::move(complaint.why), .remedy = std::move(complaint.remedy)});
}

// Stacks the sources one after the other.
class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources), symlinks_(sources.resolve) {}

  Outcome<LoadedPolicy> load() {
    Outcome<> done = parse_file();
    if (done) done = add_profiles();
    if (done) done = add_file();
    if (done) done = add_actions();
    if (done) done = add_flags();
    if (!done) return std::unexpected(std::move(done).error());
    return LoadedPolicy{.policy = Policy(std::move(rules_), sources_.changes),
                        .audit_log = std::move(audit_log_),
                        .network = network_,
                        .acting = std::move(acting_),
                        .hook = std::move(hook_),
                        .wait_at_end = file_.wait_at_end,
                        .profiles = std::move(profiles_),
                        .file_rules = file_.rules.size() + file_.acting.size(),
                        .left_out = std::move(left_out_)};
  }

 private:
  Outcome<> parse_file() {
    if (!sources_.file) return {};
    auto parsed = parse_policy_file(sources_.file->text, sources_.file->name);
    if (!parsed) return std::unexpected(std::move(parsed).error());
    file_ = *std::move(parsed);
    return {};
  }

  Outcome<> add_profiles() {
    std::vector<Read> reads;
    Outcome<> done;
    for (const std::string& name : sources_.profiles) {
      if (done) done = add_profile(name, "--profile", reads);
    }
    for (const Placed& name : file_.include.value_or(std::vector<Placed>{})) {
      if (done) done = add_profile(name.text, place(sources_.file->name, name.at), reads);
    }
    if (sources_.profiles.empty() && !file_.include && done) done = add_profile("default", "default", reads);
    if (!done) return done;
    leave_out_what_does_not_fit(reads);
    for (Read& read : reads) take(std::move(read));
    return {};
  }

  // `asked_by`: where it is named, for the fault.
  Outcome<> add_profile(const std::string& name, const std::string& asked_by, std::vector<Read>& reads) {
    // Also what makes a circle of includes harmless.
    if (std::ranges::find(profiles_, name) != profiles_.end()) return {};
    const auto text = profile_text(name);
    if (!text) return fault_at(asked_by, {"unknown profile '" + name + "'", suggest(name, profile_names())});
    profiles_.push_back(name);
    const std::string origin = "profile " + name;
    auto profile = parse_policy_file(*text, origin);
    if (!profile) return std::unexpected(std::move(profile).error());
    for (const Placed& include : profile->include.value_or(std::vector<Placed>{})) {
      Outcome<> done = add_profile(include.text, place(origin, include.at), reads);
      if (!done) return done;
    }
    for (const FileRule& rule : profile->rules) {
      Outcome<> done = add_profile_rule(rule, origin, reads);
      if (!done) return done;
    }
    if (profile->network) network_ = profile->network;
    return {};
  }

  Outcome<> add_profile_rule(const FileRule& rule, const std::string& origin, std::vector<Read>& reads) {
    auto expanded = expand(rule.text, sources_.variables, Meaning::pattern);
    if (!expanded && expanded.error().unset) {
      leave_out(rule.kind, rule.text, origin, expanded.error().complaint.why);
      return {};
    }
    if (!expanded) return fault_at(place(origin, rule.at), std::move(expanded).error().complaint);
    Outcome<> done = add_read(rule.kind, *expanded, origin, place(origin, rule.at), reads);
    // ${TMPDIR} is /tmp most of the time.
    const auto repeats = [&](const Read& read) {
      return read.kind == reads.back().kind && read.pattern == reads.back().pattern;
    };
    if (done && std::ranges::count_if(reads, repeats) > 1) reads.pop_back();
    return done;
  }

  // Two things that hold for shipped profiles only, because their author did not see the values of the variables.
  void leave_out_what_does_not_fit(std::vector<Read>& reads) {
    // A box that is started in / would be none.
    std::erase_if(reads, [&](const Read& read) {
      const bool is_root = read.pattern.empty() || (read.without_symlinks && read.without_symlinks->empty());
      if (read.kind != RuleKind::write || !is_root) return false;
      leave_out(read.kind, to_string(read.pattern), read.origin, "it would make everything writable");
      return true;
    });
    // Where the working directory is ${HOME}, it is to be written all the same.
    std::vector<Pattern> writable;
    for (const Read& read : reads) {
      if (read.kind != RuleKind::write) continue;
      writable.push_back(read.pattern);
      if (read.without_symlinks) writable.push_back(*read.without_symlinks);
    }
    const auto is_writable = [&](const Pattern& pattern) {
      return std::ranges::find(writable, pattern) != writable.end();
    };
    std::erase_if(reads, [&](const Read& read) {
      if (read.kind != RuleKind::predict && read.kind != RuleKind::discard) return false;
      if (!is_writable(read.pattern) && !(read.without_symlinks && is_writable(*read.without_symlinks))) return false;
      leave_out(read.kind, to_string(read.pattern), read.origin, "a profile allows writing to the same place");
      return true;
    });
  }

  Outcome<> add_file() {
    std::vector<Read> reads;
    for (const FileRule& rule : file_.rules) {
      const std::string where = place(sources_.file->name, rule.at);
      auto expanded = expand(rule.text, sources_.variables, Meaning::pattern);
      if (!expanded) return fault_at(where, std::move(expanded).error().complaint);
      Outcome<> done = add_read(rule.kind, *expanded, where, where, reads);
      if (!done) return done;
    }
    for (Read& read : reads) take(std::move(read));
    if (file_.network) network_ = file_.network;
    if (!file_.audit_log) return {};
    auto log = expand(file_.audit_log->text, sources_.variables, Meaning::text);
    if (!log) return fault_at(place(sources_.file->name, file_.audit_log->at), std::move(log).error().complaint);
    audit_log_ = *std::move(log);
    return {};
  }

  Outcome<> add_actions() {
    auto acting = load_acting_rules(file_.acting, sources_, symlinks_);
    if (!acting) return std::unexpected(std::move(acting).error());
    acting_ = *std::move(acting);
    if (!file_.hook) return {};
    auto hook = load_hook(*file_.hook, sources_, symlinks_);
    if (!hook) return std::unexpected(std::move(hook).error());
    hook_ = *std::move(hook);
    return {};
  }

  Outcome<> add_flags() {
    std::vector<Read> reads;
    for (const FlagRule& flag : sources_.flags) {
      auto expanded = expand(flag.text, sources_.variables, Meaning::pattern);
      if (!expanded) return fault_at(flag.origin, std::move(expanded).error().complaint);
      Outcome<> done = add_read(flag.kind, absolute(*std::move(expanded)), flag.origin, flag.origin, reads);
      if (!done) return done;
    }
    for (Read& read : reads) take(std::move(read));
    return {};
  }

  // The working directory has no symlinks in it, so "../" at the head means what it says; behind a name it may not.
  std::string absolute(std::string pattern) const {
    if (pattern.empty() || pattern.starts_with('/')) return pattern;
    std::string_view rest = pattern;
    std::string directory = sources_.directory;
    while (rest == ".." || rest.starts_with("../") || rest.starts_with("./")) {
      const bool up = rest.starts_with("..");
      rest.remove_prefix(std::min<std::size_t>(rest.size(), up ? 3 : 2));
      if (up) directory.resize(directory.find_last_of('/') == std::string::npos ? 0 : directory.find_last_of('/'));
    }
    return quoted(directory) + "/" + std::string(rest);
  }

  Outcome<> add_read(RuleKind kind, const std::string& text, const std::string& origin, const std::string& where,
                     std::vector<Read>& reads) {
    auto pattern = parse_pattern(text);
    if (!pattern) return fault_at(where, std::move(pattern).error());
    auto without_symlinks = symlinks_.form_of(*pattern);
    reads.push_back({kind, *std::move(pattern), std::move(without_symlinks), origin});
    return {};
  }

  void take(Read read) {
    std::string text = to_string(read.pattern);
    if (read.without_symlinks) {
      rules_.push_back({read.kind, to_string(*read.without_symlinks), read.origin + " through " + text});
    }
    rules_.push_back({read.kind, std::move(text), std::move(read.origin)});
  }

  void leave_out(RuleKind kind, const std::string& text, const std::string& origin, const std::string& why) {
    left_out_.push_back(std::string(to_string(kind)) + " \"" + text + "\" (" + origin + "): " + why);
  }

  const Sources& sources_;
  SymlinkFree symlinks_;
  PolicyFile file_;
  std::vector<Rule> rules_;
  std::vector<std::string> profiles_;
  std::vector<std::string> left_out_;
  std::optional<std::string> audit_log_;
  std::optional<Network> network_;
  std::vector<ActingRule> acting_;
  std::optional<HookRule> hook_;
};

}  // namespace

Outcome<LoadedPolicy> load(const Sources& sources) { return Loader(sources).load(); }

}  // namespace fusebox::policy
