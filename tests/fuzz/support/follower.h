// One reader's view of the jobs, over all its connections, and what it must be by what happened.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/stream/event.h"
#include "core/stream/event_id.h"
#include "tests/fuzz/support/event_blocks.h"

namespace progressd::fuzz {

/// What happened, in the journal's order.
struct Happened {
  Sequence sequence;
  Sequence job;  // its creation: no two jobs share it, though their ids may be the same
  std::string job_id;
  std::string owner;
  EventType type;
  bool conflatable;
  std::string state;
  std::int64_t done;
};
using Log = std::vector<Happened>;

/// What somebody follows: one job, some, or those of a group.
struct Subscription {
  std::string target;  // of the request
  std::function<bool(const Happened&)> wants;
  bool ends_with_job = false;
};

/// What somebody makes of one stream, from its begin to its end.
class StreamReader {
 public:
  explicit StreamReader(Framing framing) : blocks_(framing) {}
  virtual ~StreamReader() = default;

  void read(std::string_view bytes) {
    for (const EventBlock& block : blocks_.take(bytes)) take(block);
  }
  /// The socket was full at some time: progress may have given way to newer progress.
  void was_slow() { was_slow_ = true; }
  /// The stream is over, or looked at for the last time. `complete`: all that was written to it
  /// was read, and it was not cut off.
  virtual void check(bool complete) const = 0;

  /// Good as Last-Event-ID of the next stream.
  const std::string& last_id() const { return last_id_; }
  bool ended() const { return blocks_.ended(); }
  bool at_rest() const { return blocks_.at_rest(); }

 protected:
  virtual void take(const EventBlock& block) = 0;

  EventBlocks blocks_;
  std::string last_id_;
  Sequence last_ = 0;  // of the latest event read
  bool was_slow_ = false;
};

class Follower final : public StreamReader {
 public:
  Follower(const EventIds& ids, const Log& log, Framing framing)
      : StreamReader(framing), ids_(ids), log_(log) {}

  struct Known {
    std::string state;
    std::int64_t done = 0;
  };
  /// What is known of each job, by id.
  using KnownJobs = std::map<std::string, Known>;

  /// A stream begins. `last_id`: what was sent as Last-Event-ID, `known`: what was known by then;
  /// `now`: of the latest change.
  void begin(const Subscription& subscription, const std::string& last_id, const KnownJobs& known,
             Sequence now);
  void check(bool complete) const override;
  const KnownJobs& known() const { return known_; }
  const Subscription& subscription() const { return subscription_; }
  /// Whether it went on where the reader had stopped, and did not begin anew.
  bool resumed() const { return !sent_id_.empty() && !gap_told_; }
  Sequence resumed_after() const { return after_.value_or(0); }

 private:
  void take(const EventBlock& block) override;
  void take_opening(const EventBlock& block, Sequence sequence);
  void take_event(const EventBlock& block, Sequence sequence);
  const Happened* find(Sequence sequence) const;

  const EventIds& ids_;
  const Log& log_;
  Subscription subscription_;
  std::string sent_id_;
  Sequence began_at_ = 0;
  std::optional<Sequence> after_;  // all that is wanted after this must come; none: not known yet
  bool gap_told_ = false;
  bool over_ = false;  // the end of the one job was read
  std::set<Sequence> got_;
  KnownJobs known_;
};

}  // namespace progressd::fuzz
