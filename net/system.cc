#include "net/system.h"

#include <malloc.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>

#include "core/base/digest.h"
#include "core/base/ensure.h"

namespace progressd {
namespace {

/// Goes on while the machine is asleep: what is kept for an hour is kept for an hour.
Millis since_boot() {
  timespec time{};
  ENSURE(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
  return Millis{time.tv_sec} * 1'000 + time.tv_nsec / 1'000'000;
}

constexpr int kMappedBytesMin = 128 * 1024;     // of an array: what glibc begins with
constexpr int kKeptBytesMax = 2 * 1024 * 1024;  // at the heap's end, for the next turn of the loop

}  // namespace

SystemClock::SystemClock() : ahead_(SystemClock::wall_at() - since_boot()) {}

Millis SystemClock::wall_at() const {
  using std::chrono::duration_cast;
  using std::chrono::milliseconds;
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return duration_cast<milliseconds>(since_1970).count();
}

Millis SystemClock::steady_at() const { return since_boot() + ahead_; }

void SystemClock::go_on_from(Millis steady_at) {
  ahead_ = std::max(ahead_, steady_at - since_boot());
}

std::uint64_t SystemRandom::next() {
  if (left_ == 0) {
    // Up to 256 bytes are never interrupted and never short, says getrandom(2).
    ENSURE(getrandom(numbers_.data(), sizeof numbers_, 0) == sizeof numbers_);
    left_ = numbers_.size();
  }
  return numbers_[--left_];
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  ENSURE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // refused: the present limit stays in force
  ENSURE(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit.rlim_cur;
}

void map_large_arrays() {
  // Unless it is told, it raises both, to what the largest was that was ever given back. Another
  // allocator (the sanitizers') that knows of neither keeps its own ways.
  static_cast<void>(mallopt(M_MMAP_THRESHOLD, kMappedBytesMin));
  static_cast<void>(mallopt(M_TRIM_THRESHOLD, kKeptBytesMax));
}

std::int64_t boot_number() {
  // Source: random(4), a UUID.
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), id);
  if (id.empty()) return 0;
  const Digest digest = sha256(id);
  std::int64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof number);
  return number;
}

}  // namespace progressd
