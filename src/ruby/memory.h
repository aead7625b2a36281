// Memory of a Ruby interpreter, up to a limit: what is above it is refused, which Ruby raises as NoMemoryError.
//
// Small pieces are refused an eighth above the limit only.  What fills memory needs large ones sooner or later, and is
// stopped there; the words about it, and mruby's compiler, which does not survive a refusal, need small ones.
#pragma once

#include <cstddef>

struct mrb_state;

namespace fusebox::ruby {

// Outlives the interpreter that takes from it.  One thread at a time, as the interpreter itself.
class Memory {
 public:
  // 0: no limit.
  explicit Memory(std::size_t limit) : limit_(limit) {}

  std::size_t used() const { return used_; }

  // mruby's allocation function (mrb_allocf); `opaque` is the Memory.
  static void* allocate(mrb_state*, void* old, std::size_t size, void* opaque);

 private:
  void* change(void* old, std::size_t size);

  const std::size_t limit_;
  std::size_t used_ = 0;
};

}  // namespace fusebox::ruby
