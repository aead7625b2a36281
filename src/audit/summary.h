// The account of a run for people: what was read, written, created, deleted, missing and denied, by directory.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "audit/event.h"

namespace fusebox::audit {

// What a run did to one path, all events of the run together.
struct Touched {
  bool read = false;  // opened for reading, executed, or listed
  bool executed = false;
  bool written = false;
  bool created = false;  // and not there before
  bool deleted = false;
  bool missing = false;  // asked for, not there, and never created
  bool is_directory = false;
  std::string first_by;  // executable of the process that did it first
};

struct Denied {
  std::uint64_t count = 0;
  Event first;  // pid, exe, op, path, rule of the first
};

struct Summary {
  std::map<std::string, Touched> paths;
  std::map<std::string, Denied> denied;  // by path
  std::uint64_t violations = 0;          // denied accesses in all
  std::uint64_t events = 0;

  void add(const Event& event);
};

// The text on stderr at the end of a run: by directory, at most a screen, with totals.
std::string render(const Summary& summary, bool colour);

// Inputs and outputs as one Make rule: "output…: input…", escaped as make wants it.
std::string render_make_rule(const Summary& summary);

}  // namespace fusebox::audit
