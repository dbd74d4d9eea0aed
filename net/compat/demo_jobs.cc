#include "net/compat/demo_jobs.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/api/input.h"
#include "net/api/job_api.h"

namespace progressd {
namespace {

/// So many where the duration divides by it: then a step is one per cent.
constexpr std::int64_t kStepsMax = 100;

}  // namespace

DemoPace demo_pace(Millis duration_ms) {
  // Whole milliseconds: the step is rounded up, and the number of steps follows from it.
  const Millis step_ms = (duration_ms + kStepsMax - 1) / kStepsMax;
  return {duration_ms / step_ms, step_ms, duration_ms % step_ms};
}

JobSpec DemoJobs::spec(std::string_view kind) const {
  JobSpec spec;
  spec.id = make_job_id(parts_.random);
  spec.kind = Text(kind);
  spec.owner = kAnonymous;
  const DemoPace pace = demo_pace(parts_.settings.duration_ms);
  spec.total = pace.steps;
  spec.step_ms = pace.step_ms;
  spec.last_step_more_ms = pace.last_step_more_ms;
  return spec;
}

JobSpec DemoJobs::spec_that_may_fail(std::string_view kind) const {
  JobSpec made = spec(kind);
  const double chance = static_cast<double>(parts_.random.next() >> 11) / 9007199254740992.0;
  if (chance < parts_.settings.fail_rate) {
    made.fail_at = made.total;  // at its end: it takes as long as the others
    made.failed_reason = Text("the demo job failed, as some are told to");
  }
  return made;
}

Change DemoJobs::creation(JobSpec spec) const {
  Change change = make_change(ChangeKind::kCreate, spec.id, parts_.clock.now());
  change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
  return change;
}

void DemoJobs::create(const Request& request, JobSpec spec, const Responder& responder,
                      const Then& then) {
  if (is_creation_refused(request.caller, responder)) return;
  create_counted(request, std::move(spec), responder, then);
}

bool DemoJobs::is_creation_refused(const Caller& caller, const Responder& responder) {
  auto refusal = parts_.creation_limits.refuse(caller);
  if (refusal) responder.reply(std::move(*refusal));
  return refusal.has_value();
}

void DemoJobs::create_counted(const Request& request, JobSpec spec, const Responder& responder,
                              const Then& then) {
  spec.owner = request.caller.user;
  spec.traceparent = traceparent_of(request);
  std::vector<Change> changes;
  changes.push_back(creation(std::move(spec)));
  go_on(std::move(changes), responder, then);
}

bool DemoJobs::is_shared(const Job& job, const JobSpec& spec) {
  return job.spec.owner == kAnonymous && job.spec.kind == spec.kind;
}

bool DemoJobs::would_start(const JobSpec& spec, Millis kept_ms) const {
  const Job* const job = parts_.jobs.find(spec.id);
  return job == nullptr || (is_shared(*job, spec) && is_terminal(job->state) &&
                            parts_.clock.steady_at() - job->over_since >= kept_ms);
}

void DemoJobs::share(const Caller& caller, JobSpec spec, Millis kept_ms, const Responder& responder,
                     const Then& then) {
  Job* const job = parts_.jobs.find(spec.id);
  if (!would_start(spec, kept_ms)) {
    if (is_shared(*job, spec) || !refused(may_see(caller, *job), responder)) then(*job);
    return;
  }
  spec.owner = kAnonymous;
  std::vector<Change> changes;
  if (job != nullptr) {
    changes.push_back(make_change(ChangeKind::kDelete, spec.id, parts_.clock.now()));
  }
  changes.push_back(creation(std::move(spec)));
  go_on(std::move(changes), responder, then);
}

void DemoJobs::go_on(std::vector<Change> changes, const Responder& responder, const Then& then) {
  const std::string id = changes.back().job_id;
  parts_.ledger.commit(std::move(changes),
                       [this, id, responder, then](std::span<const Outcome> outcomes) {
                         // Somebody else may have created it meanwhile: that one is as good.
                         Job* const job = parts_.jobs.find(id);
                         if (job == nullptr)
                           return responder.reply(problem(*outcomes.back().error));
                         then(*job);
                       });
}

}  // namespace progressd
