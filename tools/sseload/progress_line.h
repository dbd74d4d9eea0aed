// Why: somebody who waits at a terminal wants to see that it lives. Nothing in a pipe.
#pragma once

#include "clock.h"
#include "publisher.h"
#include "stream_set.h"
#include "tally.h"

namespace sseload {

class ProgressLine {
 public:
  explicit ProgressLine(bool is_quiet);

  /// Writes to standard error at most five times per second.
  void show(Nanoseconds now, const StreamSet& streams, const Tally& tally,
            const PublishTally& published);
  void clear();

 private:
  bool is_on_;
  Nanoseconds due_ns_ = 0;
  Nanoseconds shown_ns_ = 0;
  std::uint64_t shown_events_ = 0;
};

}  // namespace sseload
