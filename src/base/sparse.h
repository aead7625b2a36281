// Tables whose elements come and go by the million.
#pragma once

#include <cstddef>

namespace fusebox {

// An unordered container keeps the buckets of the time when it held most.  True: there were far more than it needs now,
// and they were given back.  Costs nothing otherwise, and little then, as few elements are left; call it after an
// erase.
template <class Table>
bool give_back_buckets(Table& table) {
  constexpr std::size_t kFew = 1000;
  constexpr std::size_t kBucketsPerElement = 16;
  if (table.bucket_count() < kFew || table.size() > table.bucket_count() / kBucketsPerElement) return false;
  table.rehash(0);
  return true;
}

}  // namespace fusebox
