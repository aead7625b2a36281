// "did you mean 'read'?"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fusebox::policy {

// A hint for a word that is none of `known`: the nearest of them if it is near, else all of them.
std::string suggest(std::string_view word, std::span<const std::string_view> known);

}  // namespace fusebox::policy
