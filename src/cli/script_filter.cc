#include "cli/script_filter.h"

namespace fusebox::cli {
namespace {

std::unexpected<Fault> no_ruby(const std::string& file) {
  return std::unexpected(Fault{.what = file,
                               .why = "this fusebox was built without scripting",
                               .remedy = "build it with -DFUSEBOX_SCRIPT=ON, or give a profile in JSON",
                               .code = ExitCode::usage});
}

}  // namespace

Outcome<int> run_filter_script(const std::string& file, const std::vector<std::string>&) { return no_ruby(file); }

Outcome<seccomp::Profile> profile_of_script(const std::string& file, const std::vector<std::string>&) {
  return no_ruby(file);
}

}  // namespace fusebox::cli
