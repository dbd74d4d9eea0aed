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
  if (count_ == ring_.size()) pass_oldest();
  Event& room = ring_[place(count_)];
  // Mostly there is no text.
  if (!event.message.is_null() &&
      (count_ == 0 || !at(count_ - 1).message.is_same_as(event.message))) {
    history_bytes_ += event.message.view().size();
  }
  room = event;
  ++count_;
  while (count_ > limits.events_max || (history_bytes_ > limits.bytes_max && count_ > 1)) {
    drop_oldest();
  }
}

void Topic::pass_oldest() {
  const Event& oldest = ring_[head_];
  if (!oldest.message.is_null() && (count_ == 1 || !at(1).message.is_same_as(oldest.message))) {
    history_bytes_ -= oldest.message.view().size();
  }
  dropped_through_ = oldest.sequence;
  head_ = static_cast<std::uint32_t>(place(1));
  --count_;
}

void Topic::drop_oldest() {
  Event& oldest = ring_[head_];
  pass_oldest();
  oldest = Event();  // its text is given back
}

void Topic::grow(std::size_t events_max) {
  std::vector<Event> larger(std::min(events_max, std::max<std::size_t>(4, ring_.size() * 2)));
  for (std::size_t i = 0; i < count_; ++i) {
    larger[i] = std::move(ring_[place(i)]);
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
