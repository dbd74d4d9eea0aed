// Keeps tasks that are removed once told (JobSpec::removed_once_told) from their end until a
// follower was told of it: at once when somebody follows, else until the first one comes, for a
// while. It costs nothing when there is no such task.
#pragma once

#include <deque>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/base/clock.h"
#include "core/ledger.h"
#include "net/uv/timer.h"

namespace progressd {

class TaskKeeper final : public ChangeObserver {
 public:
  struct Parts {
    Loop& loop;
    Ledger& ledger;
    const JobTable& jobs;
    const Hub& hub;
    const Clock& clock;
    Millis kept_ms;  // for the first follower
  };
  explicit TaskKeeper(const Parts& parts)
      : parts_(parts), timer_(parts.loop, [this] { on_timer(); }) {}

  void on_applied(const Change& change, Job& job) override;
  void on_restored(Job& job) override;
  /// Whether its followers were told and it is as good as removed: a durable journal takes a while.
  bool is_going(const Job& job) const { return going_.contains(job.topic.id()); }
  /// A follower who came after the end was told of it.
  void on_told(const Job& job);
  /// Before the hub's flush: who follows has the end queued, and the removal is written with it.
  void on_turn_end();

 private:
  struct Task {
    std::string id;
    TopicId topic;  // tells it from a later job of the same id
    Millis due;     // of the loop's clock
  };

  void on_timer();
  void keep(Task task);
  void remove(const Task& task);

  Parts parts_;
  std::vector<Task> told_;
  std::unordered_set<TopicId> going_;  // whose removal is on its way
  std::deque<Task> untold_;            // in the order of their end
  Timer timer_;
};

}  // namespace progressd
