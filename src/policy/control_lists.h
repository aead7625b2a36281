// What a boxed program asked for through the control directory: two lists of orders, for reading and for writing.
//
// The words are those of the first Fusebox, so that what was written for it goes on to work:
//   allowread P   denyread P   allowwrite P   denywrite P   discardwrite P
//   addread P = allowread        addwrite P = allowread and allowwrite
//   adddeny P = denyread and denywrite        addpredict P = allowread and discardwrite
//   clearall      # a comment
// An order is good for its path and what lies below; of those that match, the last one counts.  A value: any thread.
#pragma once

#include <array>
#include <cstddef>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/verdict.h"

namespace fusebox::policy {

// The control directory's names in the box's root, which lists neither.  The second is the first Fusebox's.
inline constexpr std::array<std::string_view, 2> kControlNames = {"fuseboxctl", "fuseboxctlv1"};

class ControlLists {
 public:
  struct Order {
    Verdict verdict = Verdict::deny;
    std::string path;  // canonical, as in Policy::decide
  };

  // One order a line.  Words in any case; repeated slashes and "." mean nothing.  The error is a sentence for people.
  static std::expected<ControlLists, std::string> parse(std::string_view text);

  // A script that gives the same lists: first "clearall", then reading, then writing.
  std::string render() const;

  bool empty() const { return lists_[0].orders.empty() && lists_[1].orders.empty(); }

  // The order that decides on `path`, by its place in orders(want).  `want` is read or write; none for anything else.
  std::optional<std::size_t> deciding(std::string_view path, Want want) const;

  // Would each path below `from` meet the same orders below `to`?
  bool same_below(std::string_view from, std::string_view to) const;

  const std::vector<Order>& orders(Want want) const { return lists_[want == Want::write ? 1 : 0].orders; }

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;  // NOLINT(readability-identifier-naming): the standard's name
  };
  struct List {
    std::vector<Order> orders;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> last;  // of each path: into orders

    void add(Verdict verdict, const std::string& path);
    bool speaks_below(std::string_view path) const;
    std::optional<std::size_t> deciding(std::string_view path) const;
  };

  void clear();

  std::array<List, 2> lists_;  // reading, writing
};

}  // namespace fusebox::policy
