// A user's progress channel: whatever JSON objects somebody posts for that user. The latest one is
// there for whoever comes late, and the last few for whoever resumes. What is in them is no
// business of ours, but for `status`: a change of it is a change of state, which no reader misses.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/stream/topic.h"

namespace progressd {

/// An object as it was posted.
struct ChannelValue {
  Text json;           // on one line
  std::string status;  // its `status`, for comparing (see JsonObject); empty: none
};

/// The hub's group of a channel's readers: they follow it before it has a value and after.
inline constexpr std::string_view kChannelGroupPrefix = "channel:";
inline std::string group_of_channel(std::string_view user) {
  return std::string(kChannelGroupPrefix).append(user);
}

/// Lives from the first object posted until it is cleared or forgotten. It changes only by
/// ChannelTable.
class Channel final : public Subject {
 public:
  Channel(std::string its_user, Sequence sequence)
      : user(std::move(its_user)), topic(sequence, *this) {}

  std::string topic_name() const override { return group_of_channel(user); }

  /// What it takes with its history, which mostly holds the latest object too.
  std::size_t held_bytes() const {
    return sizeof(Channel) + user.size() + topic.held_bytes() +
           (topic.kept() == 0 ? latest.json.view().size() : 0);
  }

  const std::string user;
  ChannelValue latest;
  Millis posted_at = 0;                  // of the steady clock
  std::list<Channel*>::iterator in_age;  // its place in the table's order
  Topic topic;
};

}  // namespace progressd
