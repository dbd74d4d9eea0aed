#include "core/ledger.h"

#include <utility>

#include "core/jobs/job_groups.h"

namespace progressd {

void Ledger::commit(Change change, const Done& done) {
  const Outcome outcome = conclude(journal_.append({&change, 1}), 0, change);
  done({&outcome, 1});
}

void Ledger::commit(std::vector<Change> changes, const Done& done) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(changes.size());
  jobs_.prefetch(changes);
  const Result<Sequence> first = journal_.append(changes);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    outcomes.push_back(conclude(first, i, changes[i]));
  }
  done(outcomes);
}

Outcome Ledger::conclude(const Result<Sequence>& first, std::size_t place, const Change& change) {
  if (first) return apply(*first + place, change);
  Outcome outcome;
  outcome.error = first.error();
  return outcome;
}

Outcome Ledger::apply(Sequence sequence, const Change& change) {
  last_sequence_ = sequence;
  Outcome outcome = is_of_channel(change.kind) ? apply_to_channel(sequence, change)
                                               : apply_to_job(sequence, change);
  ++(outcome.error ? changes_refused_ : changes_applied_);
  return outcome;
}

Outcome Ledger::apply_to_job(Sequence sequence, const Change& change) {
  Outcome outcome = jobs_.apply(sequence, change);
  if (outcome.error || outcome.existing) return outcome;
  Job& job = *outcome.job;
  if (change.kind == ChangeKind::kCreate) {
    hub_.join(job.topic, group_of_all());
    hub_.join(job.topic, group_of_owner(job.spec.owner));
    if (!job.spec.kind.is_null()) hub_.join(job.topic, group_of_kind(job.spec.kind.view()));
  }
  if (outcome.event) hub_.publish(job.topic, *outcome.event);
  if (job.removed_sequence != 0) hub_.remove(job.topic);
  for (ChangeObserver* observer : observers_) observer->on_applied(change, job);
  return outcome;
}

Outcome Ledger::apply_to_channel(Sequence sequence, const Change& change) {
  Outcome outcome;
  if (change.kind != ChangeKind::kChannelPost) {
    if (const auto taken = channels_.take(change)) hub_.remove(taken->topic);
    return outcome;
  }
  Result<ChannelTable::Posted> posted = channels_.post(sequence, change);
  if (!posted) {
    outcome.error = posted.error();
    return outcome;
  }
  Channel& channel = posted->channel;
  if (posted->is_new) hub_.join(channel.topic, group_of_channel(channel.user));
  hub_.publish(channel.topic, posted->event);
  return outcome;
}

}  // namespace progressd
