// How often values fell into which of some ranges: what /metrics tells of durations. Thread: the
// loop's.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace progressd {

/// Seconds, from 50 µs to 10 s; the last range has no upper end.
class DurationHistogram {
 public:
  static constexpr std::array<double, 16> kUpperSeconds{
      0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
      0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5,   10};

  /// The same value, `times` over.
  void add(double seconds, std::uint64_t times = 1) {
    const auto bound = std::lower_bound(kUpperSeconds.begin(), kUpperSeconds.end(), seconds);
    counts_[static_cast<std::size_t>(bound - kUpperSeconds.begin())] += times;
    count_ += times;
    sum_ += seconds * static_cast<double>(times);
  }

  /// In the range that ends with kUpperSeconds[index], or with nothing.
  std::uint64_t count_in(std::size_t index) const { return counts_[index]; }
  std::uint64_t count() const { return count_; }
  double sum() const { return sum_; }

 private:
  std::array<std::uint64_t, kUpperSeconds.size() + 1> counts_{};
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace progressd
