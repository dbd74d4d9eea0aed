// What time does to jobs and channels that nobody touches: an external job that is not reported on
// stalls, one that was over for long enough is forgotten, and so is a channel without a post.
#pragma once

#include <memory>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/ledger.h"
#include "net/uv/wheel_timer.h"

namespace progressd {

class Caretaker final : public ChangeObserver {
 public:
  struct Parts {
    Loop& loop;
    Ledger& ledger;
    const JobTable& jobs;
    const ChannelTable& channels;
    const Clock& clock;
    Millis retain_finished_ms;
    Millis retain_channels_ms;
  };
  explicit Caretaker(const Parts& parts);

  /// From here on, for what is there already too.
  void use_retention(Millis finished_ms, Millis channels_ms);

  void on_applied(const Change& change, Job& job) override;
  void on_restored(Job& job) override;
  void on_turn_end() { wheel_.arm(); }

 private:
  struct Watch : WheelNode {
    explicit Watch(Job& its_job) : job(its_job) {}
    Job& job;
    Millis reported_at = 0;  // of the loop's clock, which does not step
  };

  void watch(Job& job);
  void on_due(WheelNode& node);
  void forget_finished();
  void forget_channels();

  Parts parts_;
  std::unordered_map<TopicId, std::unique_ptr<Watch>> watches_;
  WheelTimer wheel_;
  Timer forget_timer_;
  // Jobs, and channels, of which a forgetting is on its way: the oldest are still there.
  bool forgets_jobs_ = false;
  bool forgets_channels_ = false;
};

}  // namespace progressd
