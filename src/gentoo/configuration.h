// sandbox.conf and sandbox.d: what the variables of a sandbox start from.
//
// Pure but for read_configuration().
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fusebox/fault.h"

namespace fusebox::gentoo {

using Environment = std::map<std::string, std::string, std::less<>>;

// The values of one file.  Of repeated lines, those of a list variable are joined by colons, and of others the last one
// counts.  What is no line of the form NAME=value is passed over, as the original does.
Environment parse_configuration(std::string_view text);

struct Configuration {
  Environment main;                // sandbox.conf
  std::vector<Environment> parts;  // the files of sandbox.d, in the order of their names
  bool is_missing = false;         // there is neither: what Gentoo ships may be written as well
};

// Below `directory` (/etc).  A file that is not there says nothing; one that cannot be read is a Fault.
Outcome<Configuration> read_configuration(const std::string& directory);

// ${NAME} replaced from the environment; other dollar signs are left alone.
std::string substitute(std::string_view text, const Environment& environment);

// The environment as a sandbox starts its program with: switches that the environment does not set come from
// sandbox.conf; a list is sandbox.conf's, then the environment's or, where that has none, those of sandbox.d.  Where
// nobody says anything, all may be read, `work_directory` (empty: none) written, and ${HOME} is predicted.
// Where there is no configuration, the places for temporary files that Gentoo's names may be written too: make(1), for
// one, cannot do without /tmp.
void add_configuration(Environment& environment, const Configuration& configuration, const std::string& work_directory);

}  // namespace fusebox::gentoo
