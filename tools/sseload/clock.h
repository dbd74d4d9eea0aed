// Why: one notion of time. Latency stamps travel through the server as plain numbers of the
//      monotonic clock, so publisher and readers must share it: they do, being one process.
#pragma once

#include <cstdint>
#include <ctime>
#include <limits>

namespace sseload {

/// A point in time or a span, in nanoseconds.
using Nanoseconds = std::int64_t;

inline constexpr Nanoseconds kMicrosecond = 1'000;
inline constexpr Nanoseconds kMillisecond = 1'000'000;
inline constexpr Nanoseconds kSecond = 1'000'000'000;
inline constexpr Nanoseconds kNever = std::numeric_limits<Nanoseconds>::max();

inline Nanoseconds read_clock(clockid_t clock) {
  timespec at{};
  clock_gettime(clock, &at);
  return static_cast<Nanoseconds>(at.tv_sec) * kSecond + at.tv_nsec;
}

inline Nanoseconds now_ns() { return read_clock(CLOCK_MONOTONIC); }

inline double to_seconds(Nanoseconds span) {
  return static_cast<double>(span) / static_cast<double>(kSecond);
}

}  // namespace sseload
