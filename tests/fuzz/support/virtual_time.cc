#include "tests/fuzz/support/virtual_time.h"

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace progressd::fuzz {
namespace {

constexpr Millis kStart = 1'000'000;
Millis now_ms = kStart;

}  // namespace

void restart_time() { now_ms = kStart; }
void pass_time(Millis length) { now_ms += length; }
Millis monotonic_now() { return now_ms; }

}  // namespace progressd::fuzz

// Takes the place of the C library's, for shared libraries too.
extern "C" int clock_gettime(clockid_t clock, timespec* time) {
  if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE) {
    const progressd::Millis now = progressd::fuzz::monotonic_now();
    time->tv_sec = now / 1'000;
    time->tv_nsec = now % 1'000 * 1'000'000;
    return 0;
  }
  return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}
