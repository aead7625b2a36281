#include "ruby/memory.h"

#include <malloc.h>

#include <cstdlib>

namespace fusebox::ruby {
namespace {

constexpr std::size_t kSmall = std::size_t{16}
                               << 10;  // the parser takes 16,000 bytes at a time, a page of objects 40 KiB

}  // namespace

void* Memory::allocate(mrb_state*, void* old, std::size_t size, void* opaque) {
  return static_cast<Memory*>(opaque)->change(old, size);
}

void* Memory::change(void* old, std::size_t size) {
  const std::size_t before = ::malloc_usable_size(old);
  if (size == 0) {
    std::free(old);
    used_ -= before;
    return nullptr;
  }
  const std::size_t limit = size <= kSmall ? limit_ + limit_ / 8 : limit_;
  if (size > before && limit != 0 && used_ - before + size > limit) return nullptr;
  void* const changed = std::realloc(old, size);
  if (changed != nullptr) used_ += ::malloc_usable_size(changed) - before;
  return changed;
}

}  // namespace fusebox::ruby
