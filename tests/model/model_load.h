// The parts of model_load besides the model itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "random.h"

namespace fusebox::model {

// A place where nothing holds threads off each other: what happens there cannot be foretold, only what must not.
class Wild {
 public:
  explicit Wild(std::string top);

  // As thread number `thread` (below 8).  Throws a Difference.
  void perform(Random& random, unsigned thread);

 private:
  void replace(Random& random, unsigned thread);
  void read_replaced();
  void append(unsigned thread);
  void read_log();
  void write_slots(Random& random, unsigned thread);
  void read_slots(Random& random);
  void churn(Random& random);

  const std::string top_;
  std::atomic<std::uint64_t> counter_{0};
  std::atomic<std::uint64_t> appended_[8]{};
};

// Creates, looks at, renames or removes `count` files below `top`, as `stage` says.  Exit status.
int many_files(const std::string& top, const std::string& stage, unsigned long count);

}  // namespace fusebox::model
