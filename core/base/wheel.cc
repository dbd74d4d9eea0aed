#include "core/base/wheel.h"

#include <algorithm>
#include <bit>

namespace progressd {

void WheelNode::unlink() {
  next_->prev_ = prev_;
  prev_->next_ = next_;
  next_ = prev_ = this;
}

void WheelNode::link_before(WheelNode& head) {
  prev_ = head.prev_;
  next_ = &head;
  prev_->next_ = this;
  head.prev_ = this;
}

void Wheel::set(WheelNode& node, Millis due) {
  node.unlink();
  node.due_ = due;
  put(node, slot_of(std::max(due, now_ + 1)));
}

void Wheel::put(WheelNode& node, std::size_t slot) {
  const bool alone = !slots_[slot].is_set();
  earliest_[slot] = alone ? node.due_ : std::min(earliest_[slot], node.due_);
  node.link_before(slots_[slot]);
  occupied_[slot / kWordBits] |= std::uint64_t{1} << (slot % kWordBits);
  occupied_words_ |= std::uint64_t{1} << (slot / kWordBits);
}

void Wheel::fire_slot(std::size_t slot, Millis now, const std::function<void(WheelNode&)>& fire) {
  WheelNode& head = slots_[slot];
  if (!head.is_set()) return;
  // The slot's nodes move to a list of their own: `fire` may put new ones into the slot.
  WheelNode due_now;
  while (head.is_set()) {
    WheelNode& node = *head.next_;
    node.unlink();
    node.link_before(due_now);
  }
  while (due_now.is_set()) {
    WheelNode& node = *due_now.next_;
    node.unlink();
    if (node.due_ > now) {
      put(node, slot);  // a later round's; next_due() within `fire` may have found the slot empty
    } else {
      fire(node);
    }
  }
}

void Wheel::advance(Millis now, const std::function<void(WheelNode&)>& fire) {
  if (now <= now_) return;
  // After a long pause one round visits every slot once.
  Millis at = std::max(now_, now - static_cast<Millis>(kSlots));
  while (at < now) {
    ++at;
    now_ = at;
    fire_slot(slot_of(at), now, fire);
  }
}

std::optional<Millis> Wheel::next_due() const {
  if (occupied_words_ == 0) return std::nullopt;  // as is asked in each turn of the loop
  bool any = false;
  for (Millis at = now_ + 1; at <= now_ + static_cast<Millis>(kSlots);) {
    const std::size_t slot = slot_of(at);
    std::uint64_t& word = occupied_[slot / kWordBits];
    const std::uint64_t ahead = word >> (slot % kWordBits);
    if (ahead == 0) {
      if (word == 0) occupied_words_ &= ~(std::uint64_t{1} << (slot / kWordBits));
      at += static_cast<Millis>(kWordBits - slot % kWordBits);
      continue;
    }
    if ((ahead & 1) == 0) {
      at += std::countr_zero(ahead);
      continue;
    }
    const WheelNode& head = slots_[slot];
    if (!head.is_set()) {
      word &= ~(std::uint64_t{1} << (slot % kWordBits));
      ++at;
      continue;
    }
    any = true;
    if (earliest_[slot] <= at) {
      // It may have been cancelled since.
      earliest_[slot] = head.next_->due_;
      for (const WheelNode* node = head.next_; node != &head; node = node->next_) {
        earliest_[slot] = std::min(earliest_[slot], node->due_);
      }
      if (earliest_[slot] <= at) return at;
    }
    ++at;
  }
  if (!any) return std::nullopt;
  return now_ + static_cast<Millis>(kSlots);
}

}  // namespace progressd
