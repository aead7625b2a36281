// The processes of a policy's script: one that answers, one that acts.  They share nothing but the file, so that a
// block which waits for a server never holds up an answer.
#pragma once

#include <string>

#include "fusebox/fd.h"

namespace fusebox::hook {

// Both load the script, say hello (messages.h), and come back when the other end is closed.

// Answers questions.
void answer_for_script(const Fd& channel, const std::string& script);

// Carries out orders (action/channel.h): the first block is the rule `first`.
void act_for_script(const Fd& channel, const std::string& script, std::size_t first);

}  // namespace fusebox::hook
