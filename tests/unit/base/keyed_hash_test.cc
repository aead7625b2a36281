#include "base/keyed_hash.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace fusebox {
namespace {

TEST(KeyedHash, EqualBytesHaveEqualHashes) {
  EXPECT_EQ(keyed_hash("/etc/passwd"), keyed_hash(std::string("/etc/passwd")));
}

TEST(KeyedHash, EachByteAndTheLengthCount) {
  std::set<std::uint64_t> hashes;
  std::string text;
  for (int length = 0; length < 64; ++length) {
    hashes.insert(keyed_hash(text));
    for (char& byte : text) {
      byte ^= 1;
      hashes.insert(keyed_hash(text));
      byte ^= 1;
    }
    text += '\0';
  }
  EXPECT_EQ(hashes.size(), 64u + 63u * 64u / 2u);
}

}  // namespace
}  // namespace fusebox
