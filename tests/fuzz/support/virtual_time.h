// The monotonic clock of a fuzz target: it stands until the input moves it, so that an input always
// means the same, and hours of time limits pass in no time. libuv and whatever else asks the C
// library for monotonic time gets it; wall time stays the machine's.
#pragma once

#include "core/base/clock.h"

namespace progressd::fuzz {

/// Sets the clock to where every run begins.
void restart_time();
void pass_time(Millis length);
Millis monotonic_now();

}  // namespace progressd::fuzz
