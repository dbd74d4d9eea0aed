// The channel table: all users' progress channels, as a fold of the journal. Deterministic, like
// the job table: no clock, no chance. Thread: the loop's.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <string_view>

#include "core/base/name_table.h"
#include "core/base/result.h"
#include "core/channels/channel.h"
#include "core/jobs/change.h"

namespace progressd {

inline constexpr std::size_t kChannelValueBytesMax = 256 * 1024;

struct ChannelLimits {
  std::size_t channels_max = 100'000;
};

class ChannelTable {
 public:
  explicit ChannelTable(const ChannelLimits& limits) : limits_(limits) {}
  ChannelTable(const ChannelTable&) = delete;
  ChannelTable& operator=(const ChannelTable&) = delete;

  /// From here on. What is there already stays.
  void use_limits(const ChannelLimits& limits) { limits_ = limits; }

  /// What became of a kChannelPost.
  struct Posted {
    Channel& channel;
    bool is_new;
    Event event;  // for the channel's topic
  };
  /// Shape: `sequence` is later than all before it.
  /// Errors: kOverloaded, when there is no room for a new channel.
  Result<Posted> post(Sequence sequence, const Change& change);
  /// The channel that a kChannelClear or kChannelForget takes out of the table; null when there is
  /// none, or when it was posted to since.
  std::unique_ptr<Channel> take(const Change& change);

  /// Puts a channel back as it was before a restart. False when its user has one. After the last
  /// of them, sort_by_age().
  bool restore(std::unique_ptr<Channel> channel);
  void sort_by_age() {
    by_age_.sort([](const Channel* a, const Channel* b) { return a->posted_at < b->posted_at; });
  }

  Channel* find(std::string_view user) const;
  std::size_t size() const { return channels_.size(); }
  /// The channel that was not posted to for longest, to a second; null when there is none.
  const Channel* oldest() const { return by_age_.empty() ? nullptr : by_age_.front(); }
  /// Those posted to last stand at the end, those of one second in any order.
  const std::list<Channel*>& by_age() const { return by_age_; }

 private:
  Channel& enter(std::unique_ptr<Channel> channel);

  ChannelLimits limits_;
  NameTable<Channel> channels_;
  std::list<Channel*> by_age_;
};

}  // namespace progressd
