#include "net/run/task_keeper.h"

#include <algorithm>
#include <utility>

namespace progressd {

void TaskKeeper::on_applied(const Change& /*change*/, Job& job) {
  if (!job.spec.removed_once_told || !is_terminal(job.state) || job.removed_sequence != 0) return;
  if (parts_.hub.is_followed(job.topic)) return on_told(job);
  keep({job.spec.id, job.topic.id(), parts_.loop.now() + parts_.kept_ms});
}

void TaskKeeper::on_restored(Job& job) {
  if (!job.spec.removed_once_told || !is_terminal(job.state)) return;
  keep({job.spec.id, job.topic.id(), parts_.loop.now() + parts_.kept_ms});
}

void TaskKeeper::keep(Task task) {
  if (untold_.empty()) timer_.start_in(parts_.kept_ms);
  untold_.push_back(std::move(task));
}

void TaskKeeper::on_told(const Job& job) {
  if (job.spec.removed_once_told) told_.push_back({job.spec.id, job.topic.id(), 0});
}

void TaskKeeper::on_turn_end() {
  for (const Task& task : std::exchange(told_, {})) remove(task);
}

void TaskKeeper::on_timer() {
  for (; !untold_.empty() && untold_.front().due <= parts_.loop.now(); untold_.pop_front()) {
    remove(untold_.front());
  }
  if (!untold_.empty()) {
    timer_.start_in(std::max<Millis>(untold_.front().due - parts_.loop.now(), 1));
  }
}

void TaskKeeper::remove(const Task& task) {
  const Job* const job = parts_.jobs.find(task.id);
  if (job == nullptr || job->topic.id() != task.topic) return;  // somebody else removed it
  going_.insert(task.topic);
  parts_.ledger.commit(make_change(ChangeKind::kDelete, task.id, parts_.clock.now()),
                       [this, task](std::span<const Outcome> outcomes) {
                         going_.erase(task.topic);
                         const std::optional<Error>& error = outcomes.front().error;
                         if (!error || error->code != Errc::kUnavailable) return;
                         // The journal is away: it is kept on, as if nobody had been told.
                         keep({task.id, task.topic, parts_.loop.now() + parts_.kept_ms});
                       });
}

}  // namespace progressd
