#include "store/data_path.h"

namespace fusebox {

DataPath choose_data_path(const DataPathQuestion& question) {
  if (question.passthrough_opens > 0) return DataPath::passthrough;
  const bool is_closed = question.cached_opens == 0;
  if (is_closed && question.can_pass_through && (question.writes || question.size >= kLargeFile)) {
    return DataPath::passthrough;
  }
  return question.is_unchanged && !question.writes ? DataPath::keep_cached : DataPath::cached;
}

}  // namespace fusebox
