// The Ruby module Seccomp (mruby-seccomp's interface) and SignalThread, on top of an interpreter.
#pragma once

#include <functional>

#include "ruby/engine.h"
#include "seccomp/profile.h"

namespace fusebox::ruby_seccomp {

// What a filter is made for: where it is set, `load` hands the profile over instead of loading it, and does not come
// back; and fork runs its block in place.
using HandOver = std::function<void(const seccomp::Profile&)>;

// Once for an engine; `hand_over` outlives it.
ruby::Ran<> define_seccomp(ruby::Engine& engine, const HandOver* hand_over);

// After the script: runs the blocks of signals that came since its last call.
ruby::Ran<> run_pending_blocks(ruby::Engine& engine);

// With a `hand_over`, after the script: hands over the last filter that it made.  Comes back where there is none.
ruby::Ran<> hand_over_last(ruby::Engine& engine);

}  // namespace fusebox::ruby_seccomp
