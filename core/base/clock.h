// Time and randomness come into core through these two interfaces, so that every rule is tested
// with a clock that a test moves and with random numbers that it can print.
#pragma once

#include <cstdint>

namespace progressd {

/// Milliseconds: a length of time, or a moment since 1970-01-01T00:00:00Z (then `_at`).
using Millis = std::int64_t;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, for what people read. It may step; nothing is scheduled by it.
  virtual Millis wall_at() const = 0;
};

class Random {
 public:
  virtual ~Random() = default;
  /// 64 bits that nobody outside can guess.
  virtual std::uint64_t next() = 0;
};

}  // namespace progressd
