// What hooks return, read into C++ values.
#pragma once

#include <mruby.h>

#include "script/hooks.h"
#include "script/settings.h"

namespace fusebox::script {

// `hook` is the one that was called for the question.  Inside of a protected call: it calls methods of what the script
// returned, which may raise.  False: that is none of the values which the hook may return, and `answer` holds EIO.
bool read_answer(mrb_state* mrb, Hook hook, const Question& question, const Settings& settings, mrb_value returned,
                 Answer& answer);

}  // namespace fusebox::script
