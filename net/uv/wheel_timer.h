// A core Wheel that the loop turns: one uv_timer for any number of timers.
#pragma once

#include <functional>
#include <utility>

#include "core/base/wheel.h"
#include "net/uv/timer.h"

namespace progressd {

class WheelTimer {
 public:
  WheelTimer(Loop& loop, std::function<void(WheelNode&)> on_due)
      : loop_(loop),
        on_due_(std::move(on_due)),
        wheel_(loop.now()),
        timer_(loop, [this] { wheel_.advance(loop_.now(), on_due_); }) {}

  Millis now() const { return loop_.now(); }
  void set(WheelNode& node, Millis due) { wheel_.set(node, due); }

  /// At the end of each turn: sees that the loop wakes in time.
  void arm() {
    if (const auto due = wheel_.next_due()) {
      timer_.start_in(*due - loop_.now());
    } else {
      timer_.stop();
    }
  }

 private:
  Loop& loop_;
  std::function<void(WheelNode&)> on_due_;
  Wheel wheel_;
  Timer timer_;
};

}  // namespace progressd
