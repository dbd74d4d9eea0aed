// One reader's view of a progress channel, and what it must be by what was posted.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/support/follower.h"

namespace progressd::fuzz {

/// What was posted to one channel, in the journal's order.
struct Posted {
  Sequence sequence;
  std::string json;     // empty: the channel was cleared
  bool status_changed;  // no reader misses it
};
using ChannelLog = std::vector<Posted>;

class ChannelFollower final : public StreamReader {
 public:
  ChannelFollower(const EventIds& ids, const ChannelLog& log, Framing framing)
      : StreamReader(framing), ids_(ids), log_(log) {}

  /// `now`: of the latest change; `history_max`: objects that are kept for those who resume.
  void begin(const std::string& last_id, Sequence now, std::size_t history_max);
  void check(bool complete) const override;

 private:
  void take(const EventBlock& block) override;
  const Posted* find(Sequence sequence) const;

  const EventIds& ids_;
  const ChannelLog& log_;
  Sequence after_ = 0;  // what was posted after this must come, but for what `got_` begins with
  std::set<Sequence> got_;
};

}  // namespace progressd::fuzz
