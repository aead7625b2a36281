// SANDBOX_LOG, byte for byte as Gentoo's sandbox writes it, and the line on the launcher's stderr; with SANDBOX_DEBUG
// the same for whatever else is checked, in SANDBOX_DEBUG_LOG.
//
// A record is in the file before the caller hears of its refusal.
#pragma once

#include <memory>
#include <string>

#include "audit/event_sink.h"
#include "fusebox/fault.h"
#include "fusebox/fd.h"
#include "gentoo/record_file.h"

namespace fusebox::gentoo {

// What the record calls the event: the function of libc, as far as a file system can tell.
std::string_view function_of(const audit::Event& event);

// `command_line`: with a NUL behind each argument.  Line breaks are escaped, or a file's name could forge a record.
std::string log_record(const audit::Event& event, std::string_view command_line);

// With its line break.
std::string access_message(const audit::Event& event, bool in_colour);

struct Messages {
  bool verbose = true;
  bool in_colour = false;
};

class ViolationLog final : public audit::EventSink {
 public:
  // Absolute paths; without a `debug_path` violations are all that is written.
  static Outcome<std::unique_ptr<ViolationLog>> create(const std::string& path, const std::string& debug_path,
                                                       Messages messages);

  Result<> add(const audit::Event& event) override;

 private:
  ViolationLog(std::unique_ptr<RecordFile> violations, std::unique_ptr<RecordFile> all, Fd proc, Messages messages)
      : violations_(std::move(violations)), all_(std::move(all)), proc_(std::move(proc)), messages_(messages) {}

  const std::unique_ptr<RecordFile> violations_;
  const std::unique_ptr<RecordFile> all_;  // null: not asked for
  const Fd proc_;
  const Messages messages_;
};

}  // namespace fusebox::gentoo
