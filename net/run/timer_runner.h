// Runs `timer` jobs: a step every stepMs, without a thread, all of them on one wheel.
// Each step is due at a fixed time after the one before, so that delays don't add up. With a
// durable journal one change of a job is on its way at a time: a step that is due meanwhile comes
// after it.
#pragma once

#include <memory>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/ledger.h"
#include "net/uv/wheel_timer.h"

namespace progressd {

class TimerRunner final : public ChangeObserver {
 public:
  TimerRunner(Loop& loop, Ledger& ledger, const Clock& clock)
      : ledger_(ledger), clock_(clock), wheel_(loop, [this](WheelNode& node) { on_due(node); }) {}

  void on_applied(const Change& change, Job& job) override;
  void on_restored(Job& job) override;
  /// From here on no step is made: somebody else goes on with the jobs.
  void stop() { stopped_ = true; }
  void on_turn_end() {
    steps_this_turn_ = 0;
    wheel_.arm();
  }

 private:
  struct Run : WheelNode {
    explicit Run(Job& its_job) : job(its_job) {}
    Job& job;
    bool resumes = false;     // it was active before a restart: that is told first
    bool on_its_way = false;  // a change of it
    bool due_again = false;   // meanwhile
  };

  void add(Job& job, bool resumes);
  void on_settled(TopicId id);
  void on_due(WheelNode& node);

  Ledger& ledger_;
  const Clock& clock_;
  std::unordered_map<TopicId, std::unique_ptr<Run>> runs_;
  bool stopped_ = false;
  std::size_t steps_this_turn_ = 0;
  WheelTimer wheel_;
};

}  // namespace progressd
