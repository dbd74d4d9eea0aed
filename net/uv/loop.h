// The loop: owner of the uv_loop_t. Everything in net/ but work-pool jobs runs on its thread.
#pragma once

#include <uv.h>

#include <cstdint>

#include "core/base/clock.h"

namespace progressd {

/// What has had so much of a turn begins nothing more in it: the rest waits for the next one.
inline constexpr std::uint64_t kTurnShareNs = 5'000'000;

class Loop {
 public:
  Loop();
  /// Everything with a handle on the loop was destroyed before. Runs what is still closing, then
  /// ENSUREs that uv_loop_close() finds nothing left.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Until stop() is called.
  void run();
  void stop() { uv_stop(&loop_); }

  /// Monotonic, as of this turn of the loop.
  Millis now() const { return static_cast<Millis>(uv_now(&loop_)); }
  /// Brings now() up to date: before the first turn, or within a long one.
  void update_now() { uv_update_time(&loop_); }
  /// Monotonic, read now.
  static std::uint64_t precise_ns() { return uv_hrtime(); }
  uv_loop_t* get() { return &loop_; }

 private:
  uv_loop_t loop_;
};

}  // namespace progressd
