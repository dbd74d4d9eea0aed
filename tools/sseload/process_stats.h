// Why: what the server, and sseload itself, cost: memory and CPU as the kernel counts them.
//      Reading it stops the measured process for a moment, so it is done at marks only.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "clock.h"

namespace sseload {

struct CpuSample {
  Nanoseconds cpu_ns = 0;  ///< user and system; the kernel counts in steps of 10 ms
  Nanoseconds at_ns = 0;
};

struct ProcessSample {
  std::uint64_t pss_bytes = 0;
  std::uint64_t rss_bytes = 0;
  CpuSample cpu;
};

/// The sum over `pids`; nothing where one of them can't be read (gone, or another user's).
/// Source: /proc/PID/smaps_rollup, /proc/PID/stat.
std::optional<ProcessSample> sample_processes(std::span<const pid_t> pids);
/// Only the cheap half, for use during a measurement. Nothing where `pids` is empty, too.
std::optional<CpuSample> sample_cpu(std::span<const pid_t> pids);

/// What the kernel itself holds, of the whole machine: both ends of each connection are in there.
struct KernelMemory {
  std::uint64_t bytes = 0;       ///< what is neither free, nor processes', nor cached files
  std::uint64_t slab_bytes = 0;  ///< of them, in slabs
};
/// Source: /proc/meminfo.
KernelMemory sample_kernel_memory();

/// This process: how much of its time it ran, and how much it waited for a core.
struct OwnTime {
  Nanoseconds at_ns = 0;
  Nanoseconds cpu_ns = 0;
  Nanoseconds waiting_ns = 0;
};
/// Source: getrusage, /proc/self/schedstat.
OwnTime sample_own_time();

}  // namespace sseload
