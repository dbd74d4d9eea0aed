#include "core/channels/channel_table.h"

#include <fmt/format.h>

#include <utility>

namespace progressd {
namespace {

/// Where one of the last posts of a second was made, its channel's place among the others is the
/// same: moving it would touch three nodes that are in no cache.
bool is_of_another_second(Millis a, Millis b) { return a / 1'000 != b / 1'000; }

}  // namespace

Channel* ChannelTable::find(std::string_view user) const {
  const auto found = channels_.find(user);
  return found == channels_.end() ? nullptr : found->second.get();
}

Result<ChannelTable::Posted> ChannelTable::post(Sequence sequence, const Change& change) {
  Channel* channel = find(change.job_id);
  const bool is_new = channel == nullptr;
  if (is_new) {
    if (channels_.size() >= limits_.channels_max) {
      return fail(Errc::kOverloaded,
                  fmt::format("there are {} channels already", channels_.size()));
    }
    channel = &enter(std::make_unique<Channel>(change.job_id, sequence));
  } else if (is_of_another_second(channel->posted_at, change.at.steady)) {
    by_age_.splice(by_age_.end(), by_age_, channel->in_age);
  }
  const ChannelValue& value = *change.value;
  const bool status_changed = is_new || value.status != channel->latest.status;
  channel->latest.json = value.json;
  if (status_changed) channel->latest.status = value.status;
  channel->posted_at = change.at.steady;

  Event event;
  event.sequence = sequence;
  event.message = value.json;
  event.type = EventType::kProgress;
  event.state_changed = status_changed;
  return Posted{*channel, is_new, std::move(event)};
}

Channel& ChannelTable::enter(std::unique_ptr<Channel> owned) {
  Channel& channel = *owned;
  channels_.emplace(channel.user, std::move(owned));
  channel.in_age = by_age_.insert(by_age_.end(), &channel);
  return channel;
}

bool ChannelTable::restore(std::unique_ptr<Channel> owned) {
  if (find(owned->user) != nullptr) return false;
  enter(std::move(owned));
  return true;
}

std::unique_ptr<Channel> ChannelTable::take(const Change& change) {
  const auto found = channels_.find(change.job_id);
  if (found == channels_.end()) return nullptr;
  // Who forgets says since when nobody may have posted.
  if (change.kind == ChangeKind::kChannelForget && found->second->posted_at > change.at.steady) {
    return nullptr;
  }
  std::unique_ptr<Channel> channel = std::move(found.value());
  channels_.erase(found);
  by_age_.erase(channel->in_age);
  return channel;
}

}  // namespace progressd
