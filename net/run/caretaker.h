// What time does to jobs that nobody touches: an external job that is not reported on stalls, and
// one that was over for long enough is forgotten.
#pragma once

#include <memory>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/ledger.h"
#include "net/uv/wheel_timer.h"

namespace progressd {

class Caretaker final : public ChangeObserver {
 public:
  Caretaker(Loop& loop, Ledger& ledger, const JobTable& jobs, const Clock& clock,
            Millis retain_finished_ms);

  void on_applied(const Change& change, Job& job) override;
  void on_turn_end() { wheel_.arm(); }

 private:
  struct Watch : WheelNode {
    explicit Watch(Job& its_job) : job(its_job) {}
    Job& job;
    Millis reported_at = 0;  // of the loop's clock, which does not step
  };

  void on_due(WheelNode& node);
  void forget_finished();

  Ledger& ledger_;
  const JobTable& jobs_;
  const Clock& clock_;
  Millis retain_finished_ms_;
  std::unordered_map<TopicId, std::unique_ptr<Watch>> watches_;
  WheelTimer wheel_;
  Timer forget_timer_;
};

}  // namespace progressd
