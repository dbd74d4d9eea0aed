// The machine's clock and randomness, behind core's interfaces; and its descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/clock.h"

namespace progressd {

class SystemClock final : public Clock {
 public:
  SystemClock();
  Millis wall_at() const override;
  Millis steady_at() const override;
  void go_on_from(Millis steady_at) override;

 private:
  Millis ahead_;  // of the time since the machine started
};

/// From the kernel, in batches.
class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;

 private:
  std::array<std::uint64_t, 32> numbers_{};
  std::size_t left_ = 0;
};

/// Raises the limit of open descriptors to what is allowed. Returns what is in force then.
std::size_t raise_descriptor_limit();

/// Has large arrays in memory of their own, however the process has used its heap so far: the
/// kernel moves those as they grow. The heap would keep a hole for each size that they had. And
/// keeps a little free memory at the heap's end, for the next turn of the loop. For main(), before
/// anything is made.
void map_large_arrays();

/// Another one after each start of the machine; 0 where the system does not say.
std::int64_t boot_number();

}  // namespace progressd
