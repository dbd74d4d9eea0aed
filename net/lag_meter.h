// How late the loop is: a timer that should fire every 10 ms, and by how much it does not. The
// figures cover the last half minute to a minute. Thread: the loop's.
#pragma once

#include <array>
#include <cstdint>

#include "net/metrics/histogram.h"
#include "net/uv/timer.h"

namespace progressd {

class LagMeter {
 public:
  struct Summary {
    double p50_ms;
    double p99_ms;
    double max_ms;
  };

  explicit LagMeter(Loop& loop);
  Summary summary() const;
  /// Since the start.
  const DurationHistogram& histogram() const { return histogram_; }

 private:
  /// Lags in buckets that grow by a quarter: 10 µs to 100 s.
  struct Window {
    std::array<std::uint32_t, 73> counts{};
    std::uint32_t samples = 0;
    double max_ms = 0;
  };

  void on_tick();
  double percentile(double share) const;

  Timer timer_;
  std::uint64_t expected_ns_ = 0;
  DurationHistogram histogram_;
  std::array<Window, 2> windows_;  // the present half minute, and the one before
};

}  // namespace progressd
