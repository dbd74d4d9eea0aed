// Time and randomness come into core through these two interfaces, so that every rule is tested
// with a clock that a test moves and with random numbers that it can print.
#pragma once

#include <cstdint>

namespace progressd {

/// Milliseconds: a length of time, or a moment since 1970-01-01T00:00:00Z (then `_at`).
using Millis = std::int64_t;

/// A moment by both clocks. What happened is stored with it, so that people read the one, and ages
/// go by the other.
struct Moment {
  Moment() = default;
  /// While nobody has set the wall clock both say the same.
  Moment(Millis both) : wall(both), steady(both) {}  // NOLINT(google-explicit-constructor)
  Moment(Millis its_wall, Millis its_steady) : wall(its_wall), steady(its_steady) {}
  friend bool operator==(const Moment&, const Moment&) = default;
  Moment& operator+=(Millis passed) { return *this = {wall + passed, steady + passed}; }

  Millis wall = 0;
  Millis steady = 0;
};

class Clock {
 public:
  virtual ~Clock() = default;
  /// Wall time, for what people read and for what other machines wrote. It may step; nothing of our
  /// own is scheduled by it, and no age is told by it.
  virtual Millis wall_at() const = 0;
  /// Wall time as of the start, and from there on without a step: for ages.
  virtual Millis steady_at() const = 0;
  /// steady_at() is no earlier from here on: a journal holds what happened then, and nothing in it
  /// is of the future, wherever the wall clock was set while there was no process.
  virtual void go_on_from(Millis steady_at) = 0;

  Moment now() const { return {wall_at(), steady_at()}; }
};

class Random {
 public:
  virtual ~Random() = default;
  /// 64 bits that nobody outside can guess.
  virtual std::uint64_t next() = 0;
};

}  // namespace progressd
