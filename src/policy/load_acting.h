// [[on]] and [hook] of a policy file, with variables expanded and patterns understood.
#pragma once

#include "fusebox/fault.h"
#include "policy/forms.h"
#include "policy/load.h"

namespace fusebox::policy {

// `sources.file` is where they stand.
Outcome<std::vector<ActingRule>> load_acting_rules(const std::vector<FileActingRule>& rules, const Sources& sources,
                                                   SymlinkFree& symlinks);
Outcome<HookRule> load_hook(const FileHook& hook, const Sources& sources, SymlinkFree& symlinks);

}  // namespace fusebox::policy
