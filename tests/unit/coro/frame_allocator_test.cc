#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "fusebox/task.h"

namespace fusebox {
namespace {

TEST(FrameAllocator, GivesTheFrameThatWasFreedLast) {
  void* frame = detail::allocate_frame(200);
  detail::free_frame(frame, 200);
  void* again = detail::allocate_frame(201);  // the same size class
  EXPECT_EQ(again, frame);
  detail::free_frame(again, 201);
}

TEST(FrameAllocator, FramesInUseNeverOverlap) {
  struct Frame {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Frame> frames;
  for (std::size_t size = 1; size <= 4096; size = size * 5 / 4 + 1) {
    for (int copy = 0; copy < 3; ++copy) {
      const auto mark = static_cast<unsigned char>(frames.size());
      frames.push_back({static_cast<unsigned char*>(detail::allocate_frame(size)), size, mark});
      std::memset(frames.back().bytes, mark, size);
    }
  }
  for (const Frame& frame : frames) {
    EXPECT_TRUE(std::all_of(frame.bytes, frame.bytes + frame.size, [&](unsigned char b) { return b == frame.mark; }));
    detail::free_frame(frame.bytes, frame.size);
  }
}

TEST(FrameAllocator, FramesSuitAnyOrdinaryType) {
  for (const std::size_t size : {1u, 127u, 128u, 129u, 2048u, 2049u, 100'000u}) {
    void* frame = detail::allocate_frame(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(frame) % __STDCPP_DEFAULT_NEW_ALIGNMENT__, 0u);
    detail::free_frame(frame, size);
  }
}

TEST(FrameAllocator, KeepsABoundedNumberOfFrames) {
  std::vector<void*> frames(1000);
  for (void*& frame : frames) frame = detail::allocate_frame(300);
  for (void* frame : frames) detail::free_frame(frame, 300);  // a leak checker sees whether the rest was given back
}

TEST(FrameAllocator, AFrameMayEndOnAnotherThread) {
  constexpr int kFrames = 2000;
  std::mutex mutex;
  std::vector<void*> handed_over;
  std::jthread producer([&] {
    for (int i = 0; i < kFrames; ++i) {
      void* frame = detail::allocate_frame(500);
      std::memset(frame, i, 500);
      const std::lock_guard lock(mutex);
      handed_over.push_back(frame);
    }
  });
  int freed = 0;
  while (freed < kFrames) {
    std::vector<void*> batch;
    {
      const std::lock_guard lock(mutex);
      batch.swap(handed_over);
    }
    for (void* frame : batch) detail::free_frame(frame, 500);
    freed += static_cast<int>(batch.size());
    if (batch.empty()) std::this_thread::yield();
  }
}

Task<int> give(int value) { co_return value; }

TEST(FrameAllocator, TasksMayBeMadeAndRunOnDifferentThreads) {
  constexpr int kTasks = 500;
  std::vector<std::optional<Task<int>>> tasks;
  for (int i = 0; i < kTasks; ++i) tasks.emplace_back(give(i));
  std::vector<std::jthread> threads;
  std::atomic<int> sum{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&tasks, &sum, t] {
      for (int i = t; i < kTasks; i += 4) {
        auto& task = tasks[static_cast<std::size_t>(i)];
        sum += std::move(*task).run().value_or(-1);
        task.reset();
      }
    });
  }
  threads.clear();
  EXPECT_EQ(sum, kTasks * (kTasks - 1) / 2);
}

}  // namespace
}  // namespace fusebox
