#include "store/data_path.h"

namespace fusebox {

DataPath choose_data_path(const DataPathQuestion& question) {
  if (question.passthrough_opens > 0) return DataPath::passthrough;
  const bool may_pass_through = question.can_pass_through && question.cached_opens == 0 && !question.has_set_id;
  if (may_pass_through && (question.writes || question.size >= kLargeFile)) return DataPath::passthrough;
  return question.is_unchanged && !question.writes ? DataPath::keep_cached : DataPath::cached;
}

}  // namespace fusebox
