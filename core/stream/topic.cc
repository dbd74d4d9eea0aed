#include "core/stream/topic.h"

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {

void Topic::append(const Event& event, const HistoryLimits& limits) {
  ENSURE(event.sequence > last_sequence_);
  last_sequence_ = event.sequence;
  if (limits.events_max == 0) {
    while (count_ > 0) drop_oldest();  // the limit may have been another one before
    dropped_through_ = event.sequence;
    return;
  }
  if (count_ == ring_.size() && ring_.size() < limits.events_max) grow(limits.events_max);
  history_bytes_ += event.message.view().size();
  if (count_ == ring_.size()) {
    history_bytes_ -= ring_[head_].message.view().size();
    dropped_through_ = ring_[head_].sequence;
    ring_[head_] = event;
    head_ = static_cast<std::uint32_t>((head_ + 1) % ring_.size());
  } else {
    ring_[(head_ + count_) % ring_.size()] = event;
    ++count_;
  }
  while (count_ > limits.events_max || (history_bytes_ > limits.bytes_max && count_ > 1)) {
    drop_oldest();
  }
}

void Topic::drop_oldest() {
  history_bytes_ -= ring_[head_].message.view().size();
  dropped_through_ = ring_[head_].sequence;
  ring_[head_] = Event();  // its text is given back
  head_ = static_cast<std::uint32_t>((head_ + 1) % ring_.size());
  --count_;
}

void Topic::grow(std::size_t events_max) {
  std::vector<Event> larger(std::min(events_max, std::max<std::size_t>(4, ring_.size() * 2)));
  for (std::size_t i = 0; i < count_; ++i) {
    larger[i] = std::move(ring_[(head_ + i) % ring_.size()]);
  }
  ring_ = std::move(larger);
  head_ = 0;
}

std::size_t Topic::count_through(Sequence sequence) const {
  std::size_t low = 0;
  for (std::size_t high = count_; low < high;) {
    const std::size_t middle = low + (high - low) / 2;
    if (at(middle).sequence <= sequence) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

void Topic::replay_after(Sequence sequence, const std::function<void(const Event&)>& visit) const {
  for (std::size_t i = count_through(sequence); i < count_; ++i) visit(at(i));
}

const Event* Topic::first_after(Sequence sequence) const {
  const std::size_t through = count_through(sequence);
  return through == count_ ? nullptr : &at(through);
}

const Event* Topic::kept_around(Sequence sequence) const {
  if (count_ == 0) return nullptr;
  return &at(std::max<std::size_t>(count_through(sequence), 1) - 1);
}

}  // namespace progressd
