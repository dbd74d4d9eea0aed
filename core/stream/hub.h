// The hub: which readers get which events.
//
//   Topic ──► Feed ──► subscribers      a feed of one topic, shared by all its readers
//     │  └──► Feed ──► subscriber       a feed of a list of topics, one reader's own
//     └► Group ─► Feed ──► subscribers  a feed of all topics of a group, present and future
//
// A feed is one ordered sequence of frames in one encoding. A reader is subscribed to one feed, so
// that what it gets is in the journal's order. publish() only queues a frame in each feed; flush(),
// once per loop turn, hands each feed's frames of that turn to the sink in one go: many events to
// one reader are one write, and an idle reader costs one entry in two arrays.
//
// Thread: the loop's. The hub knows topics, not jobs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/stream/sse.h"
#include "core/stream/topic.h"

namespace progressd {

/// A reader's number, small and dense: a connection's slot.
using SubscriberId = std::uint32_t;

/// What stands below the hub: writes frames to readers. It changes no subscription in the call.
class Sink {
 public:
  virtual ~Sink() = default;
  /// The first event since the last flush() waits for its readers.
  virtual void on_first_queued() {}
  /// deliver() to this reader comes soon: fetches what it touches into the processor's cache.
  virtual void prefetch(SubscriberId /*to*/) const {}
  /// `ends`: nothing comes after these frames; the readers' streams are over.
  virtual void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to,
                       bool ends) = 0;
};

struct Encoding {
  const Dialect* dialect;
  Framing framing;
  friend bool operator==(const Encoding&, const Encoding&) = default;
};

/// Which topics a reader asks for: one of the three.
struct Query {
  std::vector<Topic*> topics;
  bool ends_with_topic = false;  // there is one topic, and the stream is over when it is
  std::string group;
  std::string also_group;  // only topics that are in this group too, when not empty
};

class Hub {
 public:
  /// A feed is flushed at the latest with so many frames or bytes queued, so that a burst within
  /// one turn passes through the sockets and does not pile up.
  static constexpr std::size_t kFramesPerFlushMax = 256;
  static constexpr std::size_t kBytesPerFlushMax = 64 * 1024;

  Hub(const HistoryLimits& history, Sink& sink);
  ~Hub();
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  /// From here on: topics go by it with their next event.
  void use_history(const HistoryLimits& history) { history_ = history; }

  /// Adds the topic to a group, at most three in its life.
  void join(Topic& topic, std::string_view group);
  /// Takes the topic out of all groups and feeds. Its history stays with it.
  void remove(Topic& topic);
  /// Keeps the event in its topic and queues it for all who read the topic.
  void publish(Topic& topic, const Event& event);

  /// From here on the reader gets each event of the query, first the one after this call.
  /// `seen_through`: of what it was given to begin with.
  void subscribe(SubscriberId id, Query query, const Encoding& encoding, Sequence seen_through);
  void unsubscribe(SubscriberId id);

  /// Whether anybody reads the topic on its own, or in a list.
  bool is_followed(const Topic& topic) const { return !topic.feeds_.empty(); }

  /// Hands what was published since the last call to the sink.
  void flush();

  std::uint64_t events_published() const { return events_published_; }
  /// For operators: the names of what the reader reads, and the latest event it was handed.
  std::vector<std::string> topic_names(SubscriberId id) const;
  Sequence handed_through(SubscriberId id) const;
  /// How many readers the group has.
  std::size_t readers_of_group(const std::string& name) const;
  /// How many readers each group has whose name begins with `prefix`, by the rest of its name;
  /// those without one are left out.
  std::map<std::string, std::size_t> readers_of_groups(std::string_view prefix) const;

 private:
  struct Subscription {
    Feed* feed = nullptr;
    std::uint32_t position = 0;  // in the feed's array
  };

  Group& group(std::string_view name);
  void release(Group& group);
  Feed& feed_of(Query query, const Encoding& encoding);
  void destroy(Feed& feed);
  void queue(Feed& feed, const FrameRef& frame, bool ends);
  void flush(Feed& feed);

  HistoryLimits history_;
  Sink& sink_;
  FrameEncoder encoder_;
  std::unordered_map<std::string, std::unique_ptr<Group>> groups_;
  std::vector<Subscription> subscriptions_;  // by SubscriberId
  std::vector<Feed*> dirty_;                 // with frames queued; null: destroyed since
  std::uint64_t events_published_ = 0;
};

}  // namespace progressd
