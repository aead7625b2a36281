// Performing an operation on both sides: for the files that hold operations.
#pragma once

#include <string>
#include <utility>

#include "world.h"

namespace fusebox::model {

std::string text_of(const Outcome& outcome);

template <typename Act>
void World::both(std::string what, Act act) {
  const Outcome mirror = act(sides_[0]);
  const Outcome plain = act(sides_[1]);
  remember(what, mirror);
  if (mirror == plain) return;
  std::string where;
  if (mirror.data.size() > 600 && plain.data.size() > 600) {
    std::size_t at = 0;
    while (at < mirror.data.size() && at < plain.data.size() && mirror.data[at] == plain.data[at]) ++at;
    where = " (first difference at byte " + std::to_string(at) + " of the data)";
  }
  differ(what + where, text_of(mirror), text_of(plain));
}

}  // namespace fusebox::model
