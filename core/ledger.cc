#include "core/ledger.h"

#include <utility>

#include "core/base/ensure.h"
#include "core/jobs/job_groups.h"

namespace progressd {

void Ledger::defer_to(DeferredJournal& journal, StateKeeper& keeper, const TableBounds& bounds) {
  deferred_ = &journal;
  keeper_ = &keeper;
  on_their_way_ = std::make_unique<OnTheirWay>(jobs_, channels_, bounds);
}

void Ledger::commit(Change change, const Done& done) {
  if (deferred_ != nullptr) {
    std::vector<Change> changes;
    changes.push_back(std::move(change));
    return defer(std::move(changes), done);
  }
  const Outcome outcome = conclude(journal_.append({&change, 1}), 0, change);
  done({&outcome, 1});
}

void Ledger::commit(std::vector<Change> changes, const Done& done) {
  if (deferred_ != nullptr) return defer(std::move(changes), done);
  std::vector<Outcome> outcomes;
  outcomes.reserve(changes.size());
  jobs_.prefetch(changes);
  const Result<Sequence> first = journal_.append(changes);
  for (std::size_t i = 0; i < changes.size(); ++i) {
    outcomes.push_back(conclude(first, i, changes[i]));
  }
  done(outcomes);
}

void Ledger::defer(std::vector<Change> changes, const Done& done) {
  if (changes.empty()) return done({});
  std::optional<Error> refusal = on_their_way_->refusal(changes);
  if (!refusal) refusal = deferred_->post(changes);
  if (refusal) {
    std::vector<Outcome> outcomes(changes.size());
    for (Outcome& outcome : outcomes) outcome.error = refusal;
    return done(outcomes);
  }
  on_their_way_->add(changes);
  waiting_.push_back({std::move(changes), done});
}

void Ledger::settle(const Result<Sequence>& first, std::size_t changes) {
  std::vector<Outcome> outcomes;
  for (std::size_t settled = 0; settled < changes;) {
    ENSURE(!waiting_.empty());
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    on_their_way_->remove(next.changes);
    outcomes.clear();
    for (const Change& change : next.changes) {
      outcomes.push_back(conclude(first, settled++, change));
    }
    next.done(outcomes);  // which may commit more: that waits behind
  }
}

bool Ledger::restore(std::unique_ptr<Job> restored) {
  Job& job = *restored;
  if (!jobs_.restore(std::move(restored))) return false;
  history_bytes_ += job.topic.held_bytes();
  join_groups(job);
  return true;
}

bool Ledger::restore(std::unique_ptr<Channel> restored) {
  Channel& channel = *restored;
  if (!channels_.restore(std::move(restored))) return false;
  channel_bytes_ += channel.held_bytes();
  hub_.join(channel.topic, group_of_channel(channel.user));
  return true;
}

void Ledger::join_groups(Job& job) {
  hub_.join(job.topic, group_of_all());
  hub_.join(job.topic, group_of_owner(job.spec.owner));
  if (!job.spec.kind.is_null()) hub_.join(job.topic, group_of_kind(job.spec.kind.view()));
}

void Ledger::publish(Job& job, const Event& event) {
  const std::size_t before = job.topic.held_bytes();
  hub_.publish(job.topic, event);
  history_bytes_ += job.topic.held_bytes() - before;  // less: it wraps round
}

void Ledger::touch(const Change& change, const Job& job) {
  keeper_->touch_job(job.created_sequence);
  if (job.removed_sequence != 0) keeper_->removed_at(job.removed_sequence);
  if (change.kind != ChangeKind::kCreate || !change.creation->idempotency) return;
  const IdempotencyKey& key = *change.creation->idempotency;
  keeper_->touch_key(
      {job.spec.owner, key.key, {key.body, job.spec.id, job.created_sequence}, change.at.steady});
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
  if (outcome.error || outcome.existing) {
    if (keeper_ != nullptr && change.kind == ChangeKind::kCreate) keeper_->refused(sequence);
    return outcome;
  }
  Job& job = *outcome.job;
  if (change.kind == ChangeKind::kCreate) join_groups(job);
  if (outcome.event) publish(job, *outcome.event);
  if (job.removed_sequence != 0) {
    history_bytes_ -= job.topic.held_bytes();
    hub_.remove(job.topic);
  }
  if (keeper_ != nullptr) touch(change, job);
  for (ChangeObserver* observer : observers_) observer->on_applied(change, job);
  return outcome;
}

Outcome Ledger::apply_to_channel(Sequence sequence, const Change& change) {
  Outcome outcome;
  if (change.kind != ChangeKind::kChannelPost) {
    if (const auto taken = channels_.take(change)) {
      channel_bytes_ -= taken->held_bytes();
      hub_.remove(taken->topic);
      if (keeper_ != nullptr) keeper_->touch_channel(taken->topic.id(), taken->user);
    }
    return outcome;
  }
  const Channel* const known = channels_.find(change.job_id);
  const std::size_t before = known == nullptr ? 0 : known->held_bytes();
  Result<ChannelTable::Posted> posted = channels_.post(sequence, change);
  if (!posted) {
    outcome.error = posted.error();
    return outcome;
  }
  Channel& channel = posted->channel;
  if (posted->is_new) hub_.join(channel.topic, group_of_channel(channel.user));
  hub_.publish(channel.topic, posted->event);
  channel_bytes_ += channel.held_bytes() - before;
  if (keeper_ != nullptr) keeper_->touch_channel(channel.topic.id(), channel.user);
  return outcome;
}

}  // namespace progressd
