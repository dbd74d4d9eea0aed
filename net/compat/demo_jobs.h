// The jobs that the seed systems run themselves: paced simulations, made through the ledger as any
// other job, and to be seen in the native API by their kind.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "core/base/clock.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/access/creation_limits.h"
#include "net/http/responder.h"

namespace progressd {

/// What --demo-duration may be: the steps of such a job are a millisecond apart at least.
inline constexpr Millis kDemoMsMin = 1;
inline constexpr Millis kDemoMsMax = 86'400'000;

/// The steps of such a job: at most a hundred, of whole milliseconds; the last one takes what is
/// missing to the duration, which is less than a step.
struct DemoPace {
  std::int64_t steps;
  Millis step_ms;
  Millis last_step_more_ms;
};
DemoPace demo_pace(Millis duration_ms);

struct DemoSettings {
  Millis duration_ms = 10'000;
  double fail_rate = 0;  // 0 to 1; of the jobs that may fail
};

/// Of the jobs that everybody shares: with one of these a user could keep the others away.
inline constexpr std::string_view kStatusDemoId = "status-demo";
inline constexpr std::string_view kLoopingTaskId = "looping-task";
inline constexpr std::array kSharedJobIds{kStatusDemoId, kLoopingTaskId};

class DemoJobs {
 public:
  struct Parts {
    Ledger& ledger;
    const JobTable& jobs;
    const Clock& clock;
    Random& random;
    DemoSettings settings;
    CreationLimits& creation_limits;
  };
  explicit DemoJobs(const Parts& parts) : parts_(parts) {}

  /// A job that takes the demo's duration, under an id of its own.
  JobSpec spec(std::string_view kind) const;
  /// The same; some of them fail.
  JobSpec spec_that_may_fail(std::string_view kind) const;

  using Then = std::function<void(Job& job)>;
  /// Creates the job as the caller's, and goes on with it. Where that is refused, answers so.
  void create(const Request& request, JobSpec spec, const Responder& responder, const Then& then);
  /// create() in two steps, for who reads a body in between: answers, and says true, when the
  /// caller may not make a job now; else it counts.
  bool is_creation_refused(const Caller& caller, const Responder& responder);
  void create_counted(const Request& request, JobSpec spec, const Responder& responder,
                      const Then& then);
  /// Goes on with the one job of the spec's id that everybody shares and nobody owns: created when
  /// there is none, and anew when the last one has been over for `kept_ms`. A job that somebody
  /// else gave that id stays, and is what the caller gets, where they may see it.
  void share(const Caller& caller, JobSpec spec, Millis kept_ms, const Responder& responder,
             const Then& then);
  /// Whether share() would create that job, be it anew.
  bool would_start(const JobSpec& spec, Millis kept_ms) const;

 private:
  /// Whether it is what everybody shares, and not somebody's who took its id.
  static bool is_shared(const Job& job, const JobSpec& spec);
  Change creation(JobSpec spec) const;
  void go_on(std::vector<Change> changes, const Responder& responder, const Then& then);

  Parts parts_;
};

}  // namespace progressd
