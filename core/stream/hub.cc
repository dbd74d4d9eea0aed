#include "core/stream/hub.h"

#include <algorithm>

#include "core/base/ensure.h"

namespace progressd {

namespace {

constexpr std::uint32_t kNotDirty = UINT32_MAX;

}  // namespace

/// Topics that belong together. It lives while a topic or a feed holds it.
class Group {
 public:
  explicit Group(std::string_view group_name) : name(group_name) {}
  std::string name;
  std::uint64_t holders = 0;
  std::vector<Feed*> feeds;
};

/// Lives from its first subscriber to its last.
class Feed {
 public:
  Encoding encoding;
  Topic* topic = nullptr;                       // a feed of one topic; null when it was removed
  std::unique_ptr<std::vector<Topic*>> topics;  // a feed of a list
  Group* group = nullptr;                       // a feed of a group
  Group* also = nullptr;
  std::vector<SubscriberId> subscribers;
  std::vector<FrameRef> queued;
  std::size_t queued_bytes = 0;
  std::uint32_t dirty_at = kNotDirty;  // its place in Hub::dirty_
  bool ends = false;                   // with the queued frames
  Sequence handed_through = 0;

  bool is_of_one_topic() const { return group == nullptr && topics == nullptr; }
};

/// Here, where a topic's readers are known.
void Topic::prefetch() const {
  constexpr std::size_t kCacheLineBytes = 64;
  const auto fetch = [](const auto* object) {
    const char* const begin = reinterpret_cast<const char*>(object);
    for (std::size_t at = 0; at < sizeof *object; at += kCacheLineBytes) {
      __builtin_prefetch(begin + at, /*rw=*/1);
    }
    __builtin_prefetch(begin + sizeof *object - 1, /*rw=*/1);
  };
  if (!feeds_.empty()) {
    fetch(feeds_.front());
  } else if (groups_.front() != nullptr && !groups_.front()->feeds.empty()) {
    fetch(groups_.front()->feeds.front());  // as with a channel, whose readers may come before it
  }
  if (!ring_.empty()) fetch(&ring_[(head_ + count_) % ring_.size()]);
}

Hub::Hub(const HistoryLimits& history, Sink& sink) : history_(history), sink_(sink) {}

Hub::~Hub() {
  for (SubscriberId id = 0; id < subscriptions_.size(); ++id) {
    if (subscriptions_[id].feed != nullptr) unsubscribe(id);
  }
}

Group& Hub::group(std::string_view name) {
  auto [entry, is_new] = groups_.try_emplace(std::string(name));
  if (is_new) entry->second = std::make_unique<Group>(name);
  ++entry->second->holders;
  return *entry->second;
}

void Hub::release(Group& group) {
  if (--group.holders == 0) groups_.erase(std::string(group.name));
}

void Hub::join(Topic& topic, std::string_view name) {
  const auto room = std::find(topic.groups_.begin(), topic.groups_.end(), nullptr);
  ENSURE(room != topic.groups_.end());
  *room = &group(name);
}

void Hub::remove(Topic& topic) {
  for (Group*& member : topic.groups_) {
    if (member != nullptr) release(*member);
    member = nullptr;
  }
  for (Feed* feed : topic.feeds_) {
    if (feed->topics != nullptr) std::erase(*feed->topics, &topic);
    if (feed->topic == &topic) feed->topic = nullptr;
  }
  topic.feeds_.clear();
}

void Hub::publish(Topic& topic, const Event& event) {
  topic.append(event, history_);
  ++events_published_;
  // Readers of one topic mostly share one encoding, so the last frame made is the one to look at.
  FrameRef frame;
  const Encoding* made_for = nullptr;
  const auto queue_for = [&](Feed& feed) {
    if (feed.ends) return;
    if (made_for == nullptr || !(*made_for == feed.encoding)) {
      frame = encoder_.encode(*feed.encoding.dialect, feed.encoding.framing, topic, event);
      made_for = &feed.encoding;
    }
    if (!frame.is_null()) queue(feed, frame, feed.is_of_one_topic() && is_terminal(event.type));
  };
  for (Feed* feed : topic.feeds_) queue_for(*feed);
  for (const Group* member : topic.groups_) {
    if (member == nullptr) break;
    for (Feed* feed : member->feeds) {
      const auto in = [&](const Group* other) {
        return std::find(topic.groups_.begin(), topic.groups_.end(), other) != topic.groups_.end();
      };
      if (feed->also == nullptr || in(feed->also)) queue_for(*feed);
    }
  }
}

void Hub::queue(Feed& feed, const FrameRef& frame, bool ends) {
  if (feed.dirty_at == kNotDirty) {
    if (dirty_.empty()) sink_.on_first_queued();
    feed.dirty_at = static_cast<std::uint32_t>(dirty_.size());
    dirty_.push_back(&feed);
  }
  feed.queued.push_back(frame);
  feed.queued_bytes += frame.bytes().size();
  feed.ends = feed.ends || ends;
  feed.handed_through = frame.about().sequence;
  if (feed.queued.size() >= kFramesPerFlushMax || feed.queued_bytes >= kBytesPerFlushMax) {
    flush(feed);
  }
}

void Hub::flush(Feed& feed) {
  dirty_[feed.dirty_at] = nullptr;
  feed.dirty_at = kNotDirty;
  sink_.deliver(feed.queued, feed.subscribers, feed.ends);
  feed.queued_bytes = 0;
  // An idle feed keeps room for the few frames of a usual turn, no more.
  if (feed.queued.capacity() > 8) {
    decltype(feed.queued)().swap(feed.queued);  // `= {}` would keep it all
  } else {
    feed.queued.clear();
  }
}

void Hub::flush() {
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    // While the kernel takes this feed's frames, the memory of the next ones is on its way.
    if (const Feed* next = i + 2 < dirty_.size() ? dirty_[i + 2] : nullptr) {
      __builtin_prefetch(next->subscribers.data());
    }
    if (const Feed* next = i + 1 < dirty_.size() ? dirty_[i + 1] : nullptr) {
      if (!next->subscribers.empty()) sink_.prefetch(next->subscribers.front());
    }
    if (dirty_[i] != nullptr) flush(*dirty_[i]);
  }
  dirty_.clear();
}

Feed& Hub::feed_of(Query query, const Encoding& encoding) {
  const bool one_topic = query.ends_with_topic;
  ENSURE(!one_topic || query.topics.size() == 1);
  if (one_topic) {
    for (Feed* feed : query.topics.front()->feeds_) {
      if (feed->is_of_one_topic() && feed->encoding == encoding && !feed->ends) return *feed;
    }
  } else if (query.topics.empty()) {
    const auto found = groups_.find(query.group);
    if (found != groups_.end()) {
      for (Feed* feed : found->second->feeds) {
        const std::string_view also =
            feed->also == nullptr ? "" : std::string_view(feed->also->name);
        if (feed->encoding == encoding && also == query.also_group) return *feed;
      }
    }
  }
  auto* feed = new Feed{};  // destroy() is the one place that frees it
  feed->encoding = encoding;
  if (one_topic) {
    feed->topic = query.topics.front();
    feed->topic->feeds_.push_back(feed);
  } else if (!query.topics.empty()) {
    for (Topic* topic : query.topics) topic->feeds_.push_back(feed);
    feed->topics = std::make_unique<std::vector<Topic*>>(std::move(query.topics));
  } else {
    feed->group = &group(query.group);
    feed->group->feeds.push_back(feed);
    if (!query.also_group.empty()) feed->also = &group(query.also_group);
  }
  return *feed;
}

void Hub::destroy(Feed& feed) {
  if (feed.dirty_at != kNotDirty) dirty_[feed.dirty_at] = nullptr;
  if (feed.topic != nullptr) std::erase(feed.topic->feeds_, &feed);
  if (feed.topics != nullptr) {
    for (Topic* topic : *feed.topics) std::erase(topic->feeds_, &feed);
  }
  if (feed.group != nullptr) {
    std::erase(feed.group->feeds, &feed);
    release(*feed.group);
  }
  if (feed.also != nullptr) release(*feed.also);
  delete &feed;
}

void Hub::subscribe(SubscriberId id, Query query, const Encoding& encoding, Sequence seen_through) {
  if (id >= subscriptions_.size()) subscriptions_.resize(id + 1);
  ENSURE(subscriptions_[id].feed == nullptr);
  Feed& feed = feed_of(std::move(query), encoding);
  // What is queued was published before; the new reader has it already.
  if (feed.dirty_at != kNotDirty) flush(feed);
  subscriptions_[id] = {&feed, static_cast<std::uint32_t>(feed.subscribers.size())};
  feed.subscribers.push_back(id);
  feed.handed_through = std::max(feed.handed_through, seen_through);
}

void Hub::unsubscribe(SubscriberId id) {
  const Subscription left = std::exchange(subscriptions_[id], Subscription{});
  ENSURE(left.feed != nullptr);
  std::vector<SubscriberId>& readers = left.feed->subscribers;
  readers[left.position] = readers.back();
  subscriptions_[readers.back()].position = left.position;
  readers.pop_back();
  if (readers.empty()) destroy(*left.feed);
}

std::vector<std::string> Hub::topic_names(SubscriberId id) const {
  const Feed& feed = *subscriptions_.at(id).feed;
  std::vector<std::string> names;
  if (feed.topic != nullptr) names.push_back(feed.topic->subject().topic_name());
  if (feed.topics != nullptr) {
    for (const Topic* topic : *feed.topics) names.push_back(topic->subject().topic_name());
  }
  if (feed.group != nullptr) names.push_back(feed.group->name);
  if (feed.also != nullptr) names.back() += "&" + feed.also->name;
  return names;
}

std::size_t Hub::readers_of_group(const std::string& name) const {
  std::size_t readers = 0;
  const auto found = groups_.find(name);
  if (found == groups_.end()) return readers;
  for (const Feed* feed : found->second->feeds) readers += feed->subscribers.size();
  return readers;
}

std::map<std::string, std::size_t> Hub::readers_of_groups(std::string_view prefix) const {
  std::map<std::string, std::size_t> readers;
  for (const auto& [name, group] : groups_) {
    if (!name.starts_with(prefix)) continue;
    for (const Feed* feed : group->feeds) {
      readers[name.substr(prefix.size())] += feed->subscribers.size();
    }
  }
  return readers;
}

Sequence Hub::handed_through(SubscriberId id) const {
  return subscriptions_.at(id).feed->handed_through;
}

}  // namespace progressd
