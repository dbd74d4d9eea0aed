// The memory journal: an order and nothing else. Nothing survives the process, so nothing is kept
// for a recovery; what a stream may resume is in its topics' bounded histories.
#pragma once

#include "core/base/clock.h"
#include "core/journal/journal.h"

namespace progressd {

class MemoryJournal final : public Journal {
 public:
  /// The epoch comes from `random`: ids from before a restart are then not this journal's.
  explicit MemoryJournal(Random& random) : epoch_(static_cast<std::uint32_t>(random.next())) {}

  std::uint32_t epoch() const override { return epoch_; }
  Result<Sequence> append(std::span<const Change> changes) override {
    const Sequence first = next_;
    next_ += changes.size();
    return first;
  }

 private:
  std::uint32_t epoch_;
  Sequence next_ = 1;
};

}  // namespace progressd
