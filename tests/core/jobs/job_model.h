// Jobs as the contract describes them, small enough to be seen right at a glance: what the job
// table does is compared with it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/jobs/change.h"

namespace progressd::testing {

/// A job as the contract describes it, without the machine's shortcuts.
struct ModelJob {
  JobSpec spec;
  std::string state = "pending";
  std::int64_t done = 0;
  std::int64_t total = 0;
  std::int64_t rounds = 0;
  std::string message;

  bool over() const { return state != "pending" && state != "active"; }
};

class Model {
 public:
  using Answer = std::optional<Errc>;

  Answer apply(const Change& change) {
    if (change.kind == ChangeKind::kCreate) return create(change.creation->spec);
    const auto found = jobs.find(change.job_id);
    if (found == jobs.end()) return Errc::kNotFound;
    ModelJob& job = found->second;
    const bool removes = change.kind == ChangeKind::kDelete || change.kind == ChangeKind::kForget;
    if (removes && !job.over()) return Errc::kConflict;
    if (removes) return jobs.erase(found), std::nullopt;
    if (job.over() || change.kind == ChangeKind::kStall) return Errc::kConflict;
    const bool external = job.spec.runner == Runner::kExternal;
    if (change.kind == ChangeKind::kReport) return external ? report(job, *change.report) : kNo;
    if (change.kind == ChangeKind::kStep) return external ? kNo : step(job);
    job.state = change.kind == ChangeKind::kCancel ? "cancelled" : "active";
    return std::nullopt;
  }

  std::map<std::string, ModelJob> jobs;

 private:
  static constexpr auto kNo = std::optional(Errc::kConflict);

  Answer create(const JobSpec& spec) {
    ModelJob job;
    job.spec = spec;
    job.total = spec.total;
    return jobs.emplace(spec.id, job).second ? std::nullopt : kNo;
  }

  static Answer report(ModelJob& job, const Report& report) {
    ModelJob after = job;
    if (report.total) after.total = *report.total;
    if (report.done) after.done = *report.done;
    if (!report.message.is_null()) after.message = report.message.view();
    if (after.done < job.done || after.done > after.total) return Errc::kInvalid;
    if (after.done > 0 && job.state == "pending" && !report.state) after.state = "active";
    if (report.state) after.state = state_name(*report.state);
    if (after.state == "pending" && job.state == "active") return Errc::kConflict;
    if (after.state == "pending" && after.done > 0) return Errc::kInvalid;
    if (after.state == "completed") after.done = after.total;
    job = after;
    return std::nullopt;
  }

  static Answer step(ModelJob& job) {
    job.state = "active";
    if (job.done == job.total) return job.done = 0, std::nullopt;
    ++job.done;
    if (job.done == job.spec.fail_at) return job.state = "failed", std::nullopt;
    if (job.done == job.total && ++job.rounds == job.spec.repeat) job.state = "completed";
    return std::nullopt;
  }
};

}  // namespace progressd::testing
