// What the commands that look at boxes have in common.
#pragma once

#include <string>
#include <vector>

#include "fusebox/fault.h"
#include "review/box_place.h"
#include "review/change.h"
#include "review/layers.h"
#include "review/scan.h"
#include "review/selection.h"

namespace fusebox::cli {

// A box, and the host below it.
class ReviewedBox {
 public:
  static Outcome<ReviewedBox> open(const std::string& name);

  review::Box& box() { return box_; }
  review::Layers layers() const;

  Outcome<std::vector<review::Change>> scan(review::Thoroughness thoroughness, const review::Progress& progress) const;

 private:
  ReviewedBox(review::Box box, review::Tree host) : box_(std::move(box)), host_(std::move(host)) {}

  review::Box box_;
  review::Tree host_;
};

// Relative paths count from the working directory; "." and ".." are taken as they are written, no symlink is followed.
Outcome<review::Selection> selection_of(const std::vector<std::string>& paths);

// A line on a terminal that says how far it is, no more than ten times a second; nothing elsewhere.  Its end wipes it.
class ProgressLine {
 public:
  explicit ProgressLine(std::string verb);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  review::Progress progress();

 private:
  void show(std::string_view path);

  std::string verb_;
  bool is_terminal_;
  bool is_shown_ = false;
  std::int64_t last_ = 0;
  std::uint64_t count_ = 0;
};

// To standard output, whole; a reader that has gone away is no error.
Outcome<> show(std::string_view text);

}  // namespace fusebox::cli
