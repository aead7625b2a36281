#include "policy/suggest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace fusebox::policy {
namespace {

// Longer words are nobody's slip of the finger.
constexpr std::size_t kLongestWord = 32;

// How many letters were left out, put in, mistaken for others, or swapped with their neighbour.
std::size_t distance(std::string_view one, std::string_view other) {
  std::vector<std::vector<std::size_t>> apart(one.size() + 1, std::vector<std::size_t>(other.size() + 1));
  std::iota(apart[0].begin(), apart[0].end(), 0);
  for (std::size_t i = 1; i <= one.size(); ++i) {
    apart[i][0] = i;
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const bool same = one[i - 1] == other[j - 1];
      const bool swapped = i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1];
      apart[i][j] = std::min({apart[i - 1][j - 1] + (same ? 0 : 1), apart[i - 1][j] + 1, apart[i][j - 1] + 1});
      if (swapped) apart[i][j] = std::min(apart[i][j], apart[i - 2][j - 2] + 1);
    }
  }
  return apart.back().back();
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
