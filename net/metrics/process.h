// What the kernel knows of this process. Source: proc(5).
#pragma once

#include <cstdint>

namespace progressd {

struct ProcessFigures {
  double cpu_seconds = 0;
  double started_at = 0;  // seconds since 1970
  std::int64_t resident_bytes = 0;
  std::int64_t virtual_bytes = 0;
  std::int64_t descriptors = 0;  // open
  std::int64_t descriptors_max = 0;
};

/// Reads some files below /proc; figures that can't be read are 0.
ProcessFigures process_figures();
/// Of these the one that is asked for most.
std::int64_t resident_bytes();

}  // namespace progressd
