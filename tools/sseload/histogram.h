// Why: latency percentiles over millions of values in fixed memory. Log-linear, as HdrHistogram is:
//      each power of two is cut into kSlots equal parts, so that a value is known to 0.8 %.
//
//        value    0 … 127 | 128 … 255 | 256 … 511 | …
//        width        1   |     1     |     2     | …
#pragma once

#include <cstdint>
#include <vector>

#include "clock.h"

namespace sseload {

class Histogram {
 public:
  Histogram();

  /// A negative value (clocks of another machine) counts as 0.
  void record(Nanoseconds value);
  void clear();

  std::uint64_t count() const { return count_; }
  Nanoseconds max() const { return max_; }
  double mean() const;
  /// The smallest recorded value that `fraction` of all values do not exceed, rounded up to its
  /// slot's edge, never above max(). 0 when empty.
  Nanoseconds quantile(double fraction) const;

 private:
  static constexpr unsigned kSlotBits = 7;
  static constexpr std::uint64_t kSlots = std::uint64_t{1} << kSlotBits;

  static size_t slot_of(std::uint64_t value);
  static std::uint64_t upper_edge(size_t slot);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  Nanoseconds max_ = 0;
};

}  // namespace sseload
