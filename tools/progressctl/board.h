// The jobs that a stream tells of, as they are now.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/base/json_read.h"
#include "tools/progressctl/bar.h"
#include "tools/progressctl/event_stream.h"
#include "tools/progressctl/job_view.h"

namespace progressd::ctl {

/// Beyond so many, what ended longest ago makes room, and else new jobs are not shown.
inline constexpr std::size_t kJobsOnBoardMax = 10'000;

class Board {
 public:
  /// `wanted`: jobs whose end is waited for; empty: none, whatever comes is shown.
  explicit Board(std::set<std::string> wanted) : wanted_(std::move(wanted)) {}

  /// Errors: kMalformed, kInvalid, for an event that is none of progressd's.
  Result<void> apply(const StreamEvent& event);

  /// Whether all that was waited for has come to its end.
  bool is_over() const { return !wanted_.empty() && ended_.size() == wanted_.size(); }
  /// The worst that came of the jobs that were waited for: failed, then gone, then cancelled.
  int exit_status() const;

  std::vector<Line> lines(const LineStyle& style, std::size_t lines_max) const;

 private:
  struct Entry {
    JobView job;
    std::uint64_t order;  // when it came; of a job that is over, when it ended
  };

  void note_end(const std::string& id, int exit_status);
  void make_room();
  std::vector<const Entry*> in_order() const;

  const std::set<std::string> wanted_;
  std::map<std::string, int> ended_;  // wanted ones: their exit status
  std::map<std::string, Entry, std::less<>> jobs_;
  std::uint64_t order_ = 0;
  JsonReader reader_;
};

}  // namespace progressd::ctl
