// The work of a simulated CPU-bound job: a chain of 64-bit mixes, each needing the one before, so
// that no compiler and no processor can leave one out. Different seeds end differently.
// Thread: any; no state of its own.
#pragma once

#include <cstdint>

namespace progressd {

/// `rounds` mixes of `seed`. What it returns is the seed of the slice that follows.
std::uint64_t cpu_work(std::uint64_t seed, std::uint64_t rounds);

/// How many rounds take one millisecond of this thread's CPU time. Takes about 20 ms.
std::uint64_t calibrate_rounds_per_ms();

}  // namespace progressd
