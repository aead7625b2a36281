// What is done to files of an upper directory by the server itself, not as the caller (cow layer).
#pragma once

#include <string>

#include "cow/cow_core.h"
#include "fusebox/result.h"

namespace fusebox {

// Puts a directory's times back when it ends: what is copied into it is no change that anybody asked for.
class KeepTimes {
 public:
  explicit KeepTimes(int directory);
  KeepTimes(const KeepTimes&) = delete;
  KeepTimes& operator=(const KeepTimes&) = delete;
  ~KeepTimes();

 private:
  int directory_;
  Result<FileStatus> before_;
};

Result<> rename_at(int from, const char* name, int to, const char* new_name, unsigned flags = 0);
Result<> unlink_at(int directory, const char* name, int flags = 0);

// Gives what `fd` refers to another name.
Result<> link_at(const HostCore& core, int fd, int directory, const char* name);

// Whiteouts are all that a directory may hold that is empty to the box.
Result<> remove_whiteouts(int directory);

// Puts a whiteout in place of a name, at once; what was there is removed.
enum class Covered { nothing, file, directory };
Result<> cover(CowCore& core, int directory, const char* name, Covered what);

// Removes a directory in the scratch directory, with the whiteouts in it.
void discard_directory(CowCore& core, const std::string& name);

}  // namespace fusebox
