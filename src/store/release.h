// Letting go of a chain of nodes of which each holds the next (store layer).
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace fusebox {

// A node that ends lets go of its parent, which may end too, and so on: one after the other, because the chain is as
// long as the tree is deep, and that is for the boxed program to choose.
template <class N>
void release(std::shared_ptr<N> node) {
  thread_local std::vector<std::shared_ptr<N>> waiting;
  thread_local bool is_releasing = false;
  if (node == nullptr) return;
  waiting.push_back(std::move(node));
  if (is_releasing) return;
  is_releasing = true;
  while (!waiting.empty()) {
    std::shared_ptr<N> next = std::move(waiting.back());
    waiting.pop_back();
    next.reset();
  }
  is_releasing = false;
}

}  // namespace fusebox
