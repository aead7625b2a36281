// What a directory holds, as text that can be compared with what another one holds.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

namespace fusebox::model {

// Which times of a file say something: those that were set are the same on both sides, the others depend on when each
// side was used.
enum class Times { none, set, all };

// Times that the model sets lie before this moment (in 2008), all that the clock gives behind it.
inline constexpr time_t kSetTimesEnd = 1'200'000'000;

std::string text_of(const struct stat& status, Times times);
std::string hash_of(const std::string& bytes);

// By relative name: status, content, target, extended attributes, and which names are one file.
using Tree = std::map<std::string, std::string>;
Tree tree_of(const std::string& top, Times times);

// The first few differences, a line each; empty where there are none.
std::string difference_of(const Tree& one, const Tree& other);

// Has everything written back that was changed through mappings.
void sync_files_of(const std::string& top);

}  // namespace fusebox::model
