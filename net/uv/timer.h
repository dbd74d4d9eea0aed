// A timer on the loop. For the few that there are; what comes in thousands shares a core Wheel.
#pragma once

#include <functional>

#include "net/uv/handle.h"
#include "net/uv/loop.h"

namespace progressd {

class Timer {
 public:
  Timer(Loop& loop, std::function<void()> on_due);

  /// Once, so many milliseconds from this turn on; sets a running timer anew.
  void start_in(Millis delay) { start(delay, 0); }
  void start_every(Millis period) { start(period, period); }
  void stop();

 private:
  void start(Millis delay, Millis period);

  std::function<void()> on_due_;
  Handle<uv_timer_t, Timer> handle_;
};

}  // namespace progressd
