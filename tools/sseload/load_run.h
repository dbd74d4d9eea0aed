// Why: the course of a run, in phases, on one thread around one epoll.
//
//        kOpening ⇄ kMarkPause → kHolding → kSettling → kDone
//        ramp       memory mark   publish     last events
//
// Every phase has an end by the clock, so a run always ends.
#pragma once

#include <optional>
#include <vector>

#include "epoll.h"
#include "event_checks.h"
#include "options.h"
#include "process_stats.h"
#include "progress_line.h"
#include "publisher.h"
#include "stream_set.h"
#include "tally.h"

namespace sseload {

/// What the run cost at one moment.
struct CostMark {
  std::uint64_t streams = 0;
  std::optional<ProcessSample> server;  ///< nothing without --pid
  KernelMemory kernel;
  OwnTime own;
};

struct RunCosts {
  CostMark before;
  std::vector<CostMark> memory_marks;  ///< the last one is at the end of the ramp
  Nanoseconds opening_ns = 0;          ///< without the pauses at marks
  Nanoseconds own_opening_cpu_ns = 0;
  CostMark measured_from;
  /// At the latest moment at which events or answers were still seen to come.
  OwnTime own_active;
  std::optional<CpuSample> server_active;
  CostMark end;
  bool is_interrupted = false;
  bool is_opening_late = false;  ///< --open-timeout ran out
};

class LoadRun {
 public:
  explicit LoadRun(const Options& options);
  ~LoadRun();
  LoadRun(const LoadRun&) = delete;
  LoadRun& operator=(const LoadRun&) = delete;

  /// False: the kernel refused what a run needs.
  bool run();

  const Tally& tally() const { return tally_; }
  const StreamSet& streams() const { return streams_; }
  const Publisher& publisher() const { return publisher_; }
  const RunCosts& costs() const { return costs_; }

 private:
  enum class Phase { kOpening, kMarkPause, kHolding, kSettling, kDone };

  bool watch_signals();
  void turn();
  void step(Nanoseconds now);
  void step_opening(Nanoseconds now);
  void step_holding(Nanoseconds now);
  void step_settling(Nanoseconds now);
  void open_next_part(Nanoseconds now);
  void on_mark();
  void begin_holding(Nanoseconds now);
  void take_activity_sample(Nanoseconds now);
  bool has_all_events();
  bool is_quiet(Nanoseconds now) const;
  void count_short_streams();
  std::uint64_t expected_of(std::uint32_t number) const;
  CostMark cost_mark() const;

  const Options& options_;
  Epoll epoll_;
  Tally tally_;
  EventChecks checks_;
  StreamSet streams_;
  Publisher publisher_;
  ProgressLine progress_line_;
  RunCosts costs_;
  int signal_fd_ = -1;

  Phase phase_ = Phase::kOpening;
  Nanoseconds phase_end_ns_ = kNever;
  Nanoseconds open_deadline_ns_ = kNever;
  OwnTime part_from_;  // when this part of the ramp began
  std::size_t next_mark_ = 0;
  Nanoseconds measure_due_ns_ = kNever;
  Nanoseconds stuck_wake_due_ns_ = kNever;
  Nanoseconds next_step_ns_ = 0;
  Nanoseconds activity_due_ns_ = 0;
  std::uint64_t activity_seen_ = 0;
  std::uint32_t complete_below_ = 0;  // streams numbered lower had all events when last looked at
};

}  // namespace sseload
