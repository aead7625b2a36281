// The log file: takes lines, appends them with write(2) in batches of whole lines, and keeps it so that the file ends
// with a whole line whatever happens to this process.
//
// SIGKILL ends a write(2) to a regular file between two pages of the file and nowhere else (mm/filemap.c:
// generic_perform_write checks fatal_signal_pending before each folio; fs/iomap does the same).  Therefore no line
// lies across a page boundary: the line before it is filled up with spaces, which JSON ignores.  A line that is longer
// than the room that is left on the page of an earlier batch (at least kRoomForALine) is the exception.
//
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::audit {

class LineFile {
 public:
  // `file` must be open for writing and O_APPEND; empty: lines go nowhere.  If its last line has no end, it gets one.
  static Outcome<LineFile> create(Fd file);

  // `line` ends with '\n'.  May write what was added before.  Errors: see flush.
  void add(std::string_view line);

  // Hands everything that was added to the kernel.  After the first error nothing is ever written again: it stays the
  // answer, and the file is cut back to its last whole line.
  Result<void> flush();

  // Closes the file; some file systems (NFS) tell only then that they could not keep the data.
  Result<void> close();

 private:
  explicit LineFile(Fd file) : file_(std::move(file)) {}

  void begin_batch();
  std::size_t room_on_page() const;
  void fill_page(std::size_t room);
  Result<void> write_batch();
  void cut_back(std::size_t written);

  Fd file_;
  bool is_regular_ = false;
  int error_ = 0;
  std::uint64_t start_ = 0;  // where in the file the batch will lie
  std::string batch_;
};

}  // namespace fusebox::audit
