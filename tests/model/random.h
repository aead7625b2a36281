// Numbers that follow from their key alone: (seed, world, operation).  An operation draws the same ones whether or not
// those before it were performed, so that a failing run can be cut down to the operations that matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace fusebox::model {

class Random {
 public:
  Random(std::initializer_list<std::uint64_t> key) {
    for (const std::uint64_t part : key) state_ = mixed(state_ ^ part);
  }

  std::uint64_t next() { return mixed(state_ += kStep); }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(next() % limit); }
  bool percent(unsigned chance) { return below(100) < chance; }

  template <typename T, std::size_t N>
  const T& pick(const T (&of)[N]) {
    return of[below(N)];
  }

  std::string bytes(std::size_t length) {
    std::string made(length, '\0');
    for (std::size_t i = 0; i < length; i += 8) {
      std::uint64_t word = next();
      for (std::size_t k = i; k < length && k < i + 8; ++k, word >>= 8) made[k] = static_cast<char>(word);
    }
    return made;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9E3779B97F4A7C15;  // splitmix64

  static std::uint64_t mixed(std::uint64_t value) {
    value += kStep;
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
    return value ^ (value >> 31);
  }

  std::uint64_t state_ = 0;
};

}  // namespace fusebox::model
