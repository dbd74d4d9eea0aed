// Time that stands and chance that repeats, so that an input always means the same.
#pragma once

#include <cstdint>

#include "core/base/clock.h"

namespace progressd::fuzz {

/// 2026-11-20T23:42:05.123Z
inline constexpr Millis kSomeDay = 1'795'218'125'123;

class FixedClock final : public Clock {
 public:
  Millis wall_at() const override { return now_; }
  Millis steady_at() const override { return now_; }
  void go_on_from(Millis /*steady_at*/) override {}
  void advance(Millis by) { now_ += by; }

 private:
  Millis now_ = kSomeDay;
};

/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (splitmix64).
class FixedRandom final : public Random {
 public:
  std::uint64_t next() override {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

 private:
  std::uint64_t state_ = 0;
};

}  // namespace progressd::fuzz
