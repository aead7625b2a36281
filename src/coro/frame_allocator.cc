#include <array>
#include <cstddef>
#include <new>

#include "fusebox/task.h"

namespace fusebox::detail {
namespace {

// Frames of our operations are 100 to 900 bytes; larger ones are rare and go to the heap.
constexpr std::size_t kClassBytes = 128;
constexpr std::size_t kClasses = 16;
constexpr std::size_t kKeptPerClass = 64;

struct FreeFrame {
  FreeFrame* next;
};

// A frame that ends on another thread than it began on joins that thread's list.
class FrameCache {
 public:
  FrameCache() = default;
  FrameCache(const FrameCache&) = delete;
  FrameCache& operator=(const FrameCache&) = delete;
  ~FrameCache() {
    for (List& list : lists_) {
      while (list.head != nullptr) ::operator delete(pop(list));
    }
  }

  void* allocate(std::size_t size) {
    const std::size_t index = (size - 1) / kClassBytes;
    if (index >= kClasses) return ::operator new(size);
    List& list = lists_[index];
    return list.head != nullptr ? pop(list) : ::operator new((index + 1) * kClassBytes);
  }

  void free(void* frame, std::size_t size) noexcept {
    const std::size_t index = (size - 1) / kClassBytes;
    if (index >= kClasses || lists_[index].length >= kKeptPerClass) {
      ::operator delete(frame);
      return;
    }
    lists_[index].head = ::new (frame) FreeFrame{lists_[index].head};
    ++lists_[index].length;
  }

 private:
  struct List {
    FreeFrame* head = nullptr;
    std::size_t length = 0;
  };

  static void* pop(List& list) {
    FreeFrame* frame = list.head;
    list.head = frame->next;
    --list.length;
    return frame;
  }

  std::array<List, kClasses> lists_{};
};

thread_local FrameCache frame_cache;

}  // namespace

void* allocate_frame(std::size_t size) { return frame_cache.allocate(size); }
void free_frame(void* frame, std::size_t size) noexcept { frame_cache.free(frame, size); }

}  // namespace fusebox::detail
