// The account of a run for people: what was read, written, created, deleted, missing and denied, by directory.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "audit/acting_sink.h"
#include "audit/event.h"

namespace fusebox::audit {

// What a run did to one path, all events of the run together.
struct Touched {
  bool read = false;  // opened for reading, executed, or listed
  bool executed = false;
  bool written = false;
  bool attributes = false;  // mode, owner, times or extended attributes changed
  bool created = false;     // and not there before
  bool deleted = false;     // with `created`: scratch
  bool missing = false;     // asked for, not there, and never created
  bool hidden = false;      // asked for, and hidden by the policy
  bool predicted = false;   // refused without a violation
  bool is_directory = false;
  std::string first_by;  // executable of the process that did it first
};

struct Denied {
  std::uint64_t count = 0;
  Event first;  // pid, exe, op, path, rule of the first
};

// Bounded, for a box could ask for names without end: after kMostPaths paths (about 200 bytes each), kMostDeniedPaths,
// kMostUndelivered, or kMostBytes of names, what happens to further ones is counted alone.
struct Summary {
  static constexpr std::size_t kMostPaths = 500'000;
  static constexpr std::size_t kMostDeniedPaths = 10'000;
  static constexpr std::size_t kMostBytes = 100'000'000;
  static constexpr std::size_t kMostUndelivered = 1'000;

  std::map<std::string, Touched> paths;
  std::map<std::string, Denied> denied;  // by path
  std::uint64_t violations = 0;          // denied accesses in all
  std::uint64_t events = 0;
  std::uint64_t left_out = 0;  // events of paths beyond the bounds

  std::uint64_t delivered = 0;        // deeds of rules that act
  std::uint64_t undelivered = 0;      // those that were not done
  std::vector<Undelivered> not_done;  // the first of them

  void add(const Event& event);
  void add(Undelivered deed);

 private:
  Touched* touch(const std::string& path, const Event& event);
  void add_denied(const Event& event);
  void add_refused(const Event& event);
  void add_created(const std::string& path, const Event& event);
  void add_renamed(const Event& event);

  std::size_t name_bytes_ = 0;
};

// The text on stderr at the end of a run: by directory, at most 40 lines, with totals.  Lines end with '\n'.
std::string render(const Summary& summary, bool colour);

// Inputs and outputs as one Make rule: "output…: input…", escaped as GNU make wants it.  Outputs are what was created
// or written and is still there, inputs what was read and is no output; both without directories and without what
// lies below /dev, /proc and /sys.  Names that no rule of make can hold are counted in a comment.
std::string render_make_rule(const Summary& summary);

}  // namespace fusebox::audit
