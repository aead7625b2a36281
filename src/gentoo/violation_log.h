// SANDBOX_LOG, byte for byte as Gentoo's sandbox writes it, and the line on the launcher's stderr.
//
// A record is one write(2) and is in the file before the caller hears of its refusal.  The file lies where the box may
// write (Portage tests its size from inside, and removes it), so it is opened for each record: on the host, in a
// directory that is held open, following no symlink, and only if it is a regular file with one name.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "audit/violation_sink.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"

namespace fusebox::gentoo {

// What the record calls the event: the function of libc, as far as a file system can tell.
std::string_view function_of(const audit::Event& event);

// What begins a file that was not there.
std::string_view log_header();

// `command_line`: with a NUL behind each argument.  Line breaks are escaped, or a file's name could forge a record.
std::string log_record(const audit::Event& event, std::string_view command_line);

// With its line break.
std::string denial_message(const audit::Event& event, bool in_colour);

struct Messages {
  bool verbose = true;
  bool in_colour = false;
};

class ViolationLog final : public audit::ViolationSink {
 public:
  // `path` is absolute.  What lies there is removed first, unless it is no regular file: then a Fault.
  static Outcome<std::unique_ptr<ViolationLog>> create(const std::string& path, Messages messages);

  Result<> add(const audit::Event& event) override;

 private:
  ViolationLog(Fd directory, std::string name, Fd proc, Messages messages);
  Result<Fd> open(bool& is_new) const;

  const Fd directory_;
  const std::string name_;
  const Fd proc_;
  const Messages messages_;
  std::mutex mutex_;  // one record after the other, so that one header alone is written
};

}  // namespace fusebox::gentoo
