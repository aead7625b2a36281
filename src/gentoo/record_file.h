// A log of Gentoo's sandbox on disk: a header, and records that are appended whole.
//
// A record is one write(2).  The file lies where the box may write (Portage tests the size of SANDBOX_LOG from inside,
// and removes it), so it is opened for each record: on the host, in a directory that is held open, following no
// symlink, and only if it is a regular file with one name.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::gentoo {

// What begins a file that was not there.
std::string_view log_header();

// Any thread.
class RecordFile {
 public:
  // `path` is absolute; Faults call it by the name of its `variable`.  What lies there is removed first, unless it is
  // no regular file: then a Fault.
  static Outcome<std::unique_ptr<RecordFile>> create(const std::string& path, const char* variable);

  Result<> append(std::string_view record);

 private:
  RecordFile(Fd directory, std::string name) : directory_(std::move(directory)), name_(std::move(name)) {}
  Result<Fd> open(bool& is_new) const;

  const Fd directory_;
  const std::string name_;
  std::mutex mutex_;  // one record after the other, so that one header alone is written
};

}  // namespace fusebox::gentoo
