#include "net/lag_meter.h"

#include <algorithm>
#include <cmath>

namespace progressd {
namespace {

constexpr Millis kPeriodMs = 10;
constexpr std::uint64_t kPeriodNs = kPeriodMs * 1'000'000;
constexpr std::uint32_t kSamplesPerWindow = 30'000 / kPeriodMs;
constexpr double kLeastMs = 0.01;
constexpr double kGrowth = 1.25;

std::size_t bucket_of(double ms, std::size_t buckets) {
  if (ms <= kLeastMs) return 0;
  const auto bucket =
      static_cast<std::size_t>(std::ceil(std::log(ms / kLeastMs) / std::log(kGrowth)));
  return std::min(bucket, buckets - 1);
}

}  // namespace

LagMeter::LagMeter(Loop& loop) : timer_(loop, [this] { on_tick(); }) {
  expected_ns_ = Loop::precise_ns() + kPeriodNs;
  timer_.start_in(kPeriodMs);
}

void LagMeter::on_tick() {
  const std::uint64_t now = Loop::precise_ns();
  // libuv counts whole milliseconds, so a timer may fire up to one before its time.
  const double lag_ms =
      now > expected_ns_ ? static_cast<double>(now - expected_ns_) / 1'000'000.0 : 0.0;
  if (windows_[0].samples == kSamplesPerWindow) {
    windows_[1] = windows_[0];
    windows_[0] = Window();
  }
  Window& window = windows_[0];
  ++window.counts[bucket_of(lag_ms, window.counts.size())];
  ++window.samples;
  window.max_ms = std::max(window.max_ms, lag_ms);
  histogram_.add(lag_ms / 1000);
  expected_ns_ = now + kPeriodNs;
  timer_.start_in(kPeriodMs);
}

double LagMeter::percentile(double share) const {
  const std::uint32_t samples = windows_[0].samples + windows_[1].samples;
  const double wanted = std::ceil(share * samples);
  double seen = 0;
  for (std::size_t i = 0; i < windows_[0].counts.size(); ++i) {
    seen += windows_[0].counts[i] + windows_[1].counts[i];
    if (seen >= wanted) return kLeastMs * std::pow(kGrowth, static_cast<double>(i));
  }
  return 0;
}

LagMeter::Summary LagMeter::summary() const {
  if (windows_[0].samples + windows_[1].samples == 0) return {0, 0, 0};
  const double max_ms = std::max(windows_[0].max_ms, windows_[1].max_ms);
  return {std::min(percentile(0.5), max_ms), std::min(percentile(0.99), max_ms), max_ms};
}

}  // namespace progressd
