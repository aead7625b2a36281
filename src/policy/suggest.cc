#include "policy/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace fusebox::policy {
namespace {

// Longer words are nobody's slip of the finger, and would cost a row each.
constexpr std::size_t kLongestWord = 32;

// Levenshtein's distance.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < other.size(); ++j) {
      const std::size_t replaced = diagonal + (one[i] == other[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string suggest(std::string_view word, std::span<const std::string_view> known) {
  std::string_view nearest;
  // Half the word may be wrong, but two letters at most: more is another word.
  std::size_t limit = std::min<std::size_t>(2, word.size() / 2);
  if (word.size() <= kLongestWord) {
    for (const std::string_view candidate : known) {
      const std::size_t apart = distance(word, candidate);
      if (apart > limit || (apart == limit && !nearest.empty())) continue;
      nearest = candidate;
      limit = apart;
    }
  }
  if (!nearest.empty()) return "did you mean '" + std::string(nearest) + "'?";
  std::string all = "known here:";
  for (const std::string_view candidate : known) all += " " + std::string(candidate);
  return all;
}

}  // namespace fusebox::policy
