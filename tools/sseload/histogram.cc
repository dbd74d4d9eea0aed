#include "histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace sseload {

Histogram::Histogram() : counts_((64 - kSlotBits + 1) * kSlots, 0) {}

size_t Histogram::slot_of(std::uint64_t value) {
  if (value < 2 * kSlots) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - kSlotBits - 1;
  return shift * kSlots + (value >> shift);
}

std::uint64_t Histogram::upper_edge(size_t slot) {
  if (slot < 2 * kSlots) return slot;
  const std::uint64_t shift = slot / kSlots - 1;
  const std::uint64_t mantissa = slot - shift * kSlots;
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::record(Nanoseconds value) {
  value = std::max<Nanoseconds>(value, 0);
  ++counts_[slot_of(static_cast<std::uint64_t>(value))];
  ++count_;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
}

void Histogram::clear() {
  std::fill(counts_.begin(), counts_.end(), 0);
  count_ = 0;
  sum_ = 0;
  max_ = 0;
}

double Histogram::mean() const { return count_ == 0 ? 0.0 : sum_ / static_cast<double>(count_); }

Nanoseconds Histogram::quantile(double fraction) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(fraction * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (size_t slot = 0; slot < counts_.size(); ++slot) {
    seen += counts_[slot];
    if (seen >= rank) return std::min(static_cast<Nanoseconds>(upper_edge(slot)), max_);
  }
  return max_;
}

}  // namespace sseload
