// In the place of script_host.cc where Fusebox is built without Ruby.
#include "cli/command.h"
#include "cli/script_host.h"

namespace fusebox::cli {

int run_script(const ScriptOptions&) {
  return report({.what = "script",
                 .why = "this fusebox was built without scripting",
                 .remedy = "build it with -DFUSEBOX_SCRIPT=ON",
                 .code = ExitCode::usage});
}

}  // namespace fusebox::cli
