// What the journal says of itself in /metrics and /v1/stats. Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "net/metrics/histogram.h"

namespace progressd {

struct JournalFigures {
  DurationHistogram commit_seconds;  // those that went well
  std::uint64_t commits = 0;         // of them, those with changes
  std::uint64_t changes = 0;         // that they kept
  std::size_t waiting_changes = 0;   // taken, not settled
  std::size_t waiting_bytes = 0;
};

}  // namespace progressd
