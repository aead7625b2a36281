// Which ids a user may map, and the map that is made of them.  Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fusebox::box {

struct IdRange {
  unsigned first = 0;
  unsigned count = 0;
};

// What a file in the form of /etc/subuid (subuid(5)) gives to a user, by his name or his number.  Lines that are in no
// such form give nothing.
std::vector<IdRange> subordinate_ranges(std::string_view text, std::string_view name, unsigned id);

// The map that makes the user id 0, and the ranges those from 1 on, up to but without `end`: for each stretch the first
// id inside, the first outside, and how many, as newuidmap(1) takes them.
std::vector<std::string> map_with_subordinates(unsigned own, const std::vector<IdRange>& ranges, unsigned end);

}  // namespace fusebox::box
