// One wheel for all timers of a kind: O(1) to set and to cancel, whatever their number.
// A node is a member of what it times; the wheel holds no memory of its own per timer.
//
//   slot 0   1   2   …   4095      a millisecond each; a later due time waits in its slot
//        │   │                     (due mod 4096) for the round that is its own
//        n   n─n
//
// Thread: one. Invariant: a node that is destroyed takes itself out.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/clock.h"

namespace progressd {

class WheelNode {
 public:
  WheelNode() = default;
  ~WheelNode() { unlink(); }
  WheelNode(const WheelNode&) = delete;
  WheelNode& operator=(const WheelNode&) = delete;

  bool is_set() const { return next_ != this; }
  Millis due() const { return due_; }

 private:
  friend class Wheel;
  void unlink();
  void link_before(WheelNode& head);

  WheelNode* next_ = this;
  WheelNode* prev_ = this;
  Millis due_ = 0;
};

class Wheel {
 public:
  /// `now`: any monotonic time in milliseconds; nothing is due before it.
  explicit Wheel(Millis now) : now_(now) {}
  Wheel(const Wheel&) = delete;
  Wheel& operator=(const Wheel&) = delete;

  /// Sets or moves the timer. One that is due already fires in the next advance().
  void set(WheelNode& node, Millis due);
  void cancel(WheelNode& node) { node.unlink(); }

  /// Calls `fire` for each node due by `now`, each taken out first; `fire` may set, cancel and
  /// destroy any node. What it sets for a due time up to `now` fires in the same call, a
  /// millisecond after the time just fired at the earliest; where that is past `now`, in the next.
  void advance(Millis now, const std::function<void(WheelNode&)>& fire);

  /// When to call advance() next: not after the earliest due time, and at most a round away.
  /// None while no timer is set.
  std::optional<Millis> next_due() const;

 private:
  static constexpr std::size_t kSlots = 4096;
  static constexpr std::size_t kWordBits = 64;
  static std::size_t slot_of(Millis at) { return static_cast<std::size_t>(at) % kSlots; }
  void put(WheelNode& node, std::size_t slot);
  void fire_slot(std::size_t slot, Millis now, const std::function<void(WheelNode&)>& fire);

  std::array<WheelNode, kSlots> slots_;
  // A bit for each slot that may hold nodes. Cancelling leaves it; next_due() clears what is empty.
  mutable std::array<std::uint64_t, kSlots / kWordBits> occupied_{};
  // The same for its words.
  static_assert(kSlots / kWordBits == kWordBits);
  mutable std::uint64_t occupied_words_ = 0;
  // Of each slot that holds nodes, a time that none of them is due before: next_due(), once a loop
  // turn, does not look at every node that waits for a later round.
  mutable std::array<Millis, kSlots> earliest_{};
  Millis now_;  // every slot up to this time has fired
};

}  // namespace progressd
