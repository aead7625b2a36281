// The audit log of one box: takes events from any thread, writes JSON Lines, keeps what the summary needs.
//
// Violations (verdict deny) are on disk before record() returns.  Other events go through a ring to a writer thread, in
// whole-line batches; close() writes what is left.  When the log cannot be written, record() says so and the guard
// refuses the access (fail closed).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "audit/acting_sink.h"
#include "audit/event.h"
#include "audit/event_sink.h"
#include "audit/summary.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "fusebox/result.h"

namespace fusebox::audit {

enum class Level : std::uint8_t {
  violations,  // denied accesses only
  files,       // one event per process, path and kind (default)
  all,         // every request that names a path
  io,          // and every read and write that reaches us, with its bytes
};

class Log {
 public:
  // `file` may be empty (no log file: the summary alone); it is a descriptor opened O_APPEND by the caller before any
  // box exists.  Either sink may be null.  The writer
  // thread starts here.
  static Outcome<std::unique_ptr<Log>> create(Fd file, Level level, std::unique_ptr<EventSink> sink = nullptr,
                                              std::unique_ptr<ActingSink> acting = nullptr);
  ~Log();

  Level level() const;

  // Cheap and first: is there anything to record?  At level files, false for what this process already did to this
  // path.  `path_hash` stands for the path (a 64-bit hash of it).  Denied accesses are always recorded: do not ask.
  // `flags` are the O_ flags of an open: without them an open for writing passes for one for reading.  What has
  // triggers is recorded at level violations as it is at level files.
  //
  // At level files a process and a path have one event for each of: read, written, attributes changed, missing or not
  // readable, failed write, failed creation, failed removal, failed change of attributes.  stat and access count only
  // where they fail; getxattr, listxattr and transfers never.  What creates or removes a name and succeeds is recorded
  // each time: the account must know what is there in the end.
  bool wants(const Process& process, Op op, std::uint64_t path_hash, bool failed, int flags = 0,
             std::uint64_t triggers = 0);

  // Takes the event; one without a time gets the present.  An error means that it is not, and will not be, on disk.
  // "On disk" is: handed to the kernel by write(2), so that it survives the end of this process, but not a crash of
  // the machine.
  Result<void> record(Event event);

  // Writes what is left, waits for who acts on events (acting_sink.h), stops the writer thread, and hands over the
  // account of the run.  Once.  A Fault where the log is not complete; then, too, the thread has ended.
  Outcome<Summary> close();

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fusebox::audit
