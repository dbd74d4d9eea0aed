#include "core/jobs/job_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

Outcome refuse(Errc code, std::string detail, Job* job = nullptr) {
  Outcome outcome;
  outcome.error = Error{code, std::move(detail)};
  outcome.job = job;
  return outcome;
}

Outcome applied(Job& job) {
  Outcome outcome;
  outcome.job = &job;
  return outcome;
}

Outcome told(Job& job, EventType type, Sequence sequence, bool state_changed) {
  job.last_sequence = sequence;
  Outcome outcome = applied(job);
  outcome.event = job.event(type, sequence, state_changed);
  return outcome;
}

Outcome refuse_terminal(Job& job) {
  return refuse(Errc::kConflict,
                fmt::format("the job is {}: nothing changes it any more", state_name(job.state)),
                &job);
}

bool is_as_expected(const Job& job, const Change& change) {
  return !change.if_match ||
         std::count(change.if_match->begin(), change.if_match->end(), job.last_sequence) > 0;
}

Outcome refuse_changed(Job& job) {
  return refuse(Errc::kPreconditionFailed, "If-Match: the job has changed since", &job);
}

EventType terminal_event(State state) {
  if (state == State::kCompleted) return EventType::kCompleted;
  return state == State::kFailed ? EventType::kFailed : EventType::kCancelled;
}

}  // namespace

Job* JobTable::find(std::string_view id) const {
  const auto found = jobs_.find(id);
  return found == jobs_.end() ? nullptr : found->second.get();
}

void JobTable::prefetch(std::span<const Change> changes) const {
  constexpr std::size_t kAtOnce = 16;  // about as many lines as a core can wait for
  std::array<const Job*, kAtOnce> jobs;
  for (; !changes.empty(); changes = changes.subspan(std::min(kAtOnce, changes.size()))) {
    const std::size_t count = std::min(kAtOnce, changes.size());
    for (std::size_t i = 0; i < count; ++i) {
      jobs[i] = find(changes[i].job_id);
      if (jobs[i] != nullptr) jobs[i]->prefetch();
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (jobs[i] == nullptr) continue;
      __builtin_prefetch(jobs[i]->message.view().data(), /*rw=*/1);  // is given up for a new one
      jobs[i]->topic.prefetch();
    }
  }
}

std::size_t JobTable::count(State state) const {
  std::size_t count = 0;
  for (const auto& of_runner : counts_) count += of_runner[static_cast<std::size_t>(state)];
  return count;
}

std::size_t& JobTable::counted(const Job& job) {
  return counts_[static_cast<std::size_t>(job.spec.runner)][static_cast<std::size_t>(job.state)];
}

const JobTable::BySequence* JobTable::of_owner(const std::string& owner) const {
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? nullptr : &found->second.jobs;
}

std::size_t JobTable::live_of(const std::string& owner) const {
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second.live;
}

std::size_t JobTable::bytes_of(const std::string& owner) const {
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second.bytes;
}

const Job* JobTable::oldest_finished(Millis over_by) const {
  if (finished_.empty()) return nullptr;
  const Job* oldest = finished_.begin()->second;
  return oldest->over_since <= over_by ? oldest : nullptr;
}

Outcome JobTable::apply(Sequence sequence, const Change& change) {
  if (change.kind == ChangeKind::kCreate) return create(sequence, change);
  Job* const job = find(change.job_id);
  if (job == nullptr)
    return refuse(Errc::kNotFound, fmt::format("no job has the id '{}'", change.job_id));
  switch (change.kind) {
    case ChangeKind::kReport:
      return report(sequence, *job, change);
    case ChangeKind::kStart:
      return start(sequence, *job, change.at);
    case ChangeKind::kResume:
      return resume(sequence, *job, change.at);
    case ChangeKind::kStep:
      return step(sequence, *job, change.at);
    case ChangeKind::kStall:
      return stall(sequence, *job, change.at);
    case ChangeKind::kCancel:
      return cancel(sequence, *job, change);
    case ChangeKind::kDelete:
    case ChangeKind::kForget:
      return remove(sequence, *job, change);
    default:  // a creation, or a channel's
      break;
  }
  ENSURE(false);
  return {};
}

Outcome JobTable::create(Sequence sequence, const Change& change) {
  const JobSpec& spec = change.creation->spec;
  const std::optional<IdempotencyKey>& key = change.creation->idempotency;
  if (key) {
    if (const auto* known = idempotency_.find(spec.owner, key->key, change.at.steady)) {
      if (known->body != key->body) {
        return refuse(Errc::kInvalid, "Idempotency-Key: was used with another body");
      }
      Job* const first = find(known->job_id);
      if (first == nullptr || first->created_sequence != known->created_sequence) {
        return refuse(Errc::kConflict, "Idempotency-Key: the job that it made has been removed");
      }
      Outcome outcome = applied(*first);
      outcome.existing = true;
      return outcome;
    }
    if (idempotency_.full()) return refuse(Errc::kOverloaded, "too many idempotency keys");
  }
  if (find(spec.id) != nullptr) {
    return refuse(
        Errc::kConflict,
        fmt::format(
            "id: '{}' is taken, perhaps by a job that is over; DELETE it or take another id",
            spec.id));
  }
  if (jobs_.size() >= limits_.jobs_max) {
    return refuse(Errc::kOverloaded, fmt::format("there are {} jobs already", jobs_.size()));
  }
  auto owned = std::make_unique<Job>(spec, change.at, sequence);
  Job& job = *owned;
  enter(std::move(owned));
  if (key) idempotency_.add(spec.owner, key->key, {key->body, spec.id, sequence}, change.at.steady);
  return told(job, EventType::kSnapshot, sequence, true);
}

void JobTable::enter(std::unique_ptr<Job> owned) {
  Job& job = *owned;
  jobs_.emplace(job.spec.id, std::move(owned));
  by_sequence_.emplace(job.created_sequence, &job);
  Owned& of_owner = by_owner_[job.spec.owner];
  of_owner.jobs.emplace(job.created_sequence, &job);
  if (!is_terminal(job.state)) ++of_owner.live;
  of_owner.bytes += job.held_bytes();
  bytes_ += job.held_bytes();
  ++counted(job);
}

bool JobTable::restore(std::unique_ptr<Job> owned) {
  Job& job = *owned;
  if (find(job.spec.id) != nullptr) return false;
  enter(std::move(owned));
  if (is_terminal(job.state)) finished_.emplace(job.last_sequence, &job);
  return true;
}

void JobTable::restore(std::string_view owner, std::string_view key, IdempotencyTable::Entry entry,
                       Millis at) {
  if (idempotency_.find(owner, key, at) != nullptr || idempotency_.full()) return;
  idempotency_.add(owner, key, std::move(entry), at);
}

Outcome JobTable::report(Sequence sequence, Job& job, const Change& change) {
  const Report& report = *change.report;
  if (job.spec.runner != Runner::kExternal) {
    return refuse(Errc::kConflict,
                  fmt::format("the server runs this job itself (runner {}): only external jobs are "
                              "reported on",
                              runner_name(job.spec.runner)),
                  &job);
  }
  if (is_terminal(job.state)) return refuse_terminal(job);
  const std::int64_t total = report.total.value_or(job.total);
  const std::int64_t done = report.done.value_or(job.done);
  if (done < job.done) {
    return refuse(Errc::kInvalid, fmt::format("done: must not go back from {}", job.done), &job);
  }
  if (done > total) {
    return refuse(Errc::kInvalid,
                  report.done ? fmt::format("done: must be at most total, {}", total)
                              : fmt::format("total: must be at least done, {}", done),
                  &job);
  }
  if (report.state == State::kPending && job.state != State::kPending) {
    return refuse(Errc::kConflict, "the job is active: it does not go back to pending", &job);
  }
  if (report.state == State::kPending && done > 0) {
    return refuse(Errc::kInvalid, "state: a job with done above 0 is not pending", &job);
  }
  if (!is_as_expected(job, change)) return refuse_changed(job);

  job.last_report_at = change.at.steady;
  const bool begins = job.state == State::kPending &&
                      (report.state == State::kActive || (!report.state && done > 0));
  const bool message_changed = !report.message.is_null() && !(report.message == job.message);
  const bool result_changed = !report.result.is_null() && !(report.result == job.result);
  const bool changed = total != job.total || done != job.done || message_changed || result_changed;
  // How long the steps took that were done before the first report, nobody knows.
  if (job.state == State::kActive && done != job.done)
    job.rate.add(done - job.done, change.at.steady);
  if (begins) set_state(job, State::kActive, change.at);
  job.total = total;
  job.done = done;
  // The same text again is not held twice, here and in the history.
  if (message_changed) job.message = report.message;
  if (result_changed) set_text(job, &Job::result, report.result);
  if (report.state && is_terminal(*report.state)) {
    if (!report.failed_reason.is_null()) set_text(job, &Job::failed_reason, report.failed_reason);
    return finish(sequence, job, *report.state, change.at);
  }
  if (!changed && !begins) return applied(job);
  Outcome outcome = told(job, EventType::kProgress, sequence, begins);
  outcome.event->message_changed = message_changed;
  return outcome;
}

Outcome JobTable::start(Sequence sequence, Job& job, Moment at) {
  if (is_terminal(job.state)) return refuse_terminal(job);
  if (job.state == State::kActive) return applied(job);
  set_state(job, State::kActive, at);
  return told(job, EventType::kProgress, sequence, true);
}

Outcome JobTable::resume(Sequence sequence, Job& job, Moment at) {
  if (is_terminal(job.state)) return refuse_terminal(job);
  if (job.state == State::kPending) return applied(job);
  ++job.attempt;
  job.rate.start(at.steady);  // while nobody worked it had no pace
  return told(job, EventType::kProgress, sequence, false);
}

Outcome JobTable::step(Sequence sequence, Job& job, Moment at) {
  if (job.spec.runner == Runner::kExternal) {
    return refuse(Errc::kConflict, "an external job makes no steps of its own", &job);
  }
  if (is_terminal(job.state)) return refuse_terminal(job);
  const bool begins = job.state == State::kPending;
  if (begins) set_state(job, State::kActive, at);
  if (job.done == job.total) {  // the round before came to its end: the next begins
    job.done = 0;
    return told(job, EventType::kProgress, sequence, begins);
  }
  ++job.done;
  job.rate.add(1, at.steady);
  if (job.done == job.spec.fail_at) {
    set_text(job, &Job::failed_reason,
             job.spec.failed_reason.is_null() ? Text(fmt::format("failed at step {}", job.done))
                                              : job.spec.failed_reason);
    return finish(sequence, job, State::kFailed, at);
  }
  if (job.done == job.total) {
    if (job.spec.repeat != 0 && job.rounds + 1 == job.spec.repeat) {
      return finish(sequence, job, State::kCompleted, at);
    }
    ++job.rounds;
  }
  return told(job, EventType::kProgress, sequence, begins);
}

Outcome JobTable::stall(Sequence sequence, Job& job, Moment at) {
  if (is_terminal(job.state)) return refuse_terminal(job);
  const bool stalled =
      job.spec.stall_after_ms > 0 && at.steady - job.last_report_at >= job.spec.stall_after_ms;
  if (!stalled) return refuse(Errc::kConflict, "the job was reported on since", &job);
  set_text(job, &Job::failed_reason, Text("stalled"));
  return finish(sequence, job, State::kFailed, at);
}

Outcome JobTable::cancel(Sequence sequence, Job& job, const Change& change) {
  if (!is_as_expected(job, change)) return refuse_changed(job);
  if (is_terminal(job.state)) return refuse_terminal(job);
  return finish(sequence, job, State::kCancelled, change.at);
}

Outcome JobTable::finish(Sequence sequence, Job& job, State state, Moment at) {
  set_state(job, state, at);
  finished_.emplace(sequence, &job);
  if (state == State::kCompleted) {
    job.done = job.total;
    if (job.result.is_null()) job.result = job.spec.result;
  }
  return told(job, terminal_event(state), sequence, true);
}

Outcome JobTable::remove(Sequence sequence, Job& job, const Change& change) {
  // A cancellation right before is this removal's own: it was held to the same.
  if (job.last_sequence + 1 != sequence && !is_as_expected(job, change)) return refuse_changed(job);
  if (!is_terminal(job.state)) {
    return refuse(Errc::kConflict, "the job is not over: it is cancelled first", &job);
  }
  finished_.erase(job.last_sequence);  // its end is the last that it told
  by_sequence_.erase(job.created_sequence);
  const auto owner = by_owner_.find(job.spec.owner);
  owner->second.jobs.erase(job.created_sequence);
  owner->second.bytes -= job.held_bytes();
  bytes_ -= job.held_bytes();
  if (owner->second.jobs.empty()) by_owner_.erase(owner);
  --counted(job);
  job.removed_sequence = sequence;
  const auto entry = jobs_.find(job.spec.id);
  removed_.push_back(std::move(entry.value()));
  jobs_.erase(entry);
  removed_bytes_of_.push_back(job.held_bytes() + job.topic.history_bytes());
  removed_bytes_ += removed_bytes_of_.back();
  const auto is_too_much = [this] {
    return removed_.size() > limits_.removed_max || removed_bytes_ > limits_.removed_bytes_max;
  };
  while (removed_.size() > 1 && is_too_much()) forget_first_removed();  // never this one
  return told(job, EventType::kRemoved, sequence, false);
}

void JobTable::forget_first_removed() {
  removed_dropped_ = removed_.front()->removed_sequence;
  removed_.pop_front();
  removed_bytes_ -= removed_bytes_of_.front();
  removed_bytes_of_.pop_front();
}

void JobTable::set_text(Job& job, Text Job::*text, const Text& value) {
  const std::size_t before = job.held_bytes();
  job.*text = value;
  const std::size_t more = job.held_bytes() - before;  // less: it wraps round
  by_owner_.at(job.spec.owner).bytes += more;
  bytes_ += more;
}

void JobTable::set_state(Job& job, State state, Moment at) {
  --counted(job);
  job.state = state;
  ++counted(job);
  if (state == State::kActive) {
    job.started_at = at.wall;
    job.rate.start(at.steady);
  }
  if (is_terminal(state)) {
    job.finished_at = at.wall;
    job.over_since = at.steady;
    --by_owner_.at(job.spec.owner).live;
  }
}

}  // namespace progressd
