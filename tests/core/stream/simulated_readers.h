// A world of simulated readers: topics that come, tell and go, and readers over one topic, a list
// or a group whose sockets take all, some or nothing, and who leave and come back. It keeps a log
// of every event, and says of each reader whether it got what it should have.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "core/stream/outbox.h"
#include "tests/core/testing.h"

namespace progressd::testing {

inline constexpr std::size_t kGroups = 3;
inline const std::array<std::string, kGroups> kGroupNames{"all", "owner:ann", "kind:media"};

struct Logged {
  Sequence sequence;
  std::size_t topic;
  EventType type;
  bool conflatable;
};

struct Reader {
  std::vector<std::size_t> topics;  // a list, by index; or
  std::string group, also;
  Framing framing = Framing::kChunked;

  bool connected = false;
  bool ended = false;
  bool writable = true;
  bool was_slow = false;  // since it last connected: then progress may have been conflated
  Outbox outbox;
  std::string wire;      // bytes that arrived and are no whole frame yet
  Sequence last_id = 0;  // of the last event that arrived whole
  std::vector<Sequence> got;
  std::vector<std::pair<Sequence, Sequence>> gaps;  // skipped: after first, through second
  std::set<Sequence> maybe_conflated;
};

class World final : public Sink {
 public:
  World(std::uint64_t seed, std::size_t history) : chance(seed), history_(history) {}

  void deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to,
               bool ends) override {
    for (const SubscriberId id : to) {
      Reader& reader = readers[id];
      ASSERT_TRUE(reader.connected);
      for (const FrameRef& frame : frames) give(reader, frame);
      if (ends) reader.ended = true;
    }
  }

  void step() {
    switch (chance.between(0, 11)) {
      case 0:
        return create_topic();
      case 1:
        return connect(readers[chance.index(readers.size())]);
      case 2:
        return disconnect(readers[chance.index(readers.size())]);
      case 3: {
        Reader& reader = readers[chance.index(readers.size())];
        reader.writable = !reader.writable;
        return;
      }
      case 4:
        return drain(readers[chance.index(readers.size())], /*all=*/false);
      case 5:
        return hub.flush();
      default:
        return publish(chance.index(topics.size()));
    }
  }

  /// Everybody comes back, and reads all there is.
  void settle() {
    for (Reader& reader : readers) {
      reader.writable = true;
      if (!reader.connected) connect(reader);
    }
    hub.flush();
    for (Reader& reader : readers) drain(reader, /*all=*/true);
  }

  void expect_complete(const Reader& reader) const {
    ASSERT_TRUE(std::is_sorted(reader.got.begin(), reader.got.end()));
    ASSERT_EQ(std::adjacent_find(reader.got.begin(), reader.got.end()), reader.got.end());
    const std::set<Sequence> got(reader.got.begin(), reader.got.end());
    std::map<std::size_t, Sequence> newest;
    std::size_t expected = 0;
    for (const Logged& event : log) {
      if (got.contains(event.sequence)) newest[event.topic] = event.sequence;
    }
    for (const Logged& event : log) {
      const bool skipped =
          std::any_of(reader.gaps.begin(), reader.gaps.end(), [&](const auto& gap) {
            return event.sequence > gap.first && event.sequence <= gap.second;
          });
      // A one-job stream is over with its job, and hears of no removal.
      const bool after_end = reader.topics.size() == 1 && event.type == EventType::kRemoved;
      if (!asks_for(reader, event.topic) || event.sequence <= starts_.at(&reader) || skipped ||
          after_end) {
        ASSERT_FALSE(got.contains(event.sequence)) << event.sequence;
        continue;
      }
      if (got.contains(event.sequence)) {
        ++expected;
        continue;
      }
      ASSERT_TRUE(event.conflatable && reader.maybe_conflated.contains(event.sequence))
          << "event " << event.sequence << " is lost";
      const bool told_later =  // by newer progress, or by the snapshot behind a gap
          newest[event.topic] > event.sequence ||
          (!reader.gaps.empty() && reader.gaps.back().second > event.sequence);
      ASSERT_TRUE(told_later) << "event " << event.sequence << " gave way to nothing";
    }
    ASSERT_EQ(reader.got.size(), expected);
  }

  void create_topic() {
    if (topics.size() >= 40) return;
    const std::size_t index = topics.size();
    topics.push_back(std::make_unique<NamedTopic>(index + 1, std::to_string(index)));
    for (std::size_t i = 0; i < kGroups; ++i) {
      if (i != 0 && chance.one_in(2)) continue;
      hub.join(topics.back()->topic, kGroupNames[i]);
      members_[index].push_back(kGroupNames[i]);
    }
    tell(index, EventType::kSnapshot, true);
  }

  void add_reader() {
    Reader reader;
    reader.framing = chance.one_in(2) ? Framing::kChunked : Framing::kUntilClose;
    if (chance.one_in(2)) {
      const std::int64_t wanted = chance.between(1, 4);
      for (std::int64_t i = 0; i < wanted; ++i)
        reader.topics.push_back(chance.index(topics.size()));
      std::sort(reader.topics.begin(), reader.topics.end());
      reader.topics.erase(std::unique(reader.topics.begin(), reader.topics.end()),
                          reader.topics.end());
    } else {
      reader.group = kGroupNames[chance.index(kGroups)];
      if (chance.one_in(3)) reader.also = kGroupNames[chance.index(kGroups)];
    }
    readers.push_back(std::move(reader));
  }

  Chance chance;
  std::vector<std::unique_ptr<NamedTopic>> topics;  // outlive the hub, as jobs do
  std::deque<Reader> readers;
  std::vector<Logged> log;

 private:
  void publish(std::size_t topic) {
    if (over_[topic] && chance.one_in(3)) return remove(topic);
    if (over_[topic] || removed_[topic]) return;
    if (chance.one_in(25)) {
      over_[topic] = true;
      return tell(topic, EventType::kCompleted, true);
    }
    tell(topic, EventType::kProgress, chance.one_in(8));
  }

  void remove(std::size_t topic) {
    if (removed_[topic]) return;
    removed_[topic] = true;
    tell(topic, EventType::kRemoved, false);
    hub.remove(topics[topic]->topic);
  }

  void tell(std::size_t topic, EventType type, bool state_changed) {
    sequence_ += static_cast<Sequence>(chance.between(1, 3));
    const Event event = event_of(sequence_, type, state_changed);
    log.push_back({sequence_, topic, type, event.conflatable()});
    hub.publish(topics[topic]->topic, event);
  }

  bool asks_for(const Reader& reader, std::size_t topic) const {
    if (reader.group.empty()) {
      return std::count(reader.topics.begin(), reader.topics.end(), topic) != 0;
    }
    const auto in = [&](const std::string& group) {
      const auto& groups = members_.at(topic);
      return group.empty() || std::count(groups.begin(), groups.end(), group) != 0;
    };
    return in(reader.group) && in(reader.also);
  }

  /// Opens the reader's stream as a server does: replay what is kept, or a gap; then live events.
  void connect(Reader& reader) {
    if (reader.connected || reader.ended) return;
    reader.connected = true;
    reader.was_slow = !reader.writable;
    reader.outbox = {};
    reader.wire.clear();
    const auto id = static_cast<SubscriberId>(index_of(reader));
    Query query = all_of(reader.group, reader.also);
    query.ends_with_topic = reader.topics.size() == 1;
    bool placed = true;
    std::vector<std::pair<const Topic*, Event>> missed;
    for (std::size_t i = 0; i < topics.size(); ++i) {
      if (!asks_for(reader, i)) continue;
      Topic& topic = topics[i]->topic;
      placed = placed && topic.retains_after(reader.last_id);
      topic.replay_after(reader.last_id,
                         [&](const Event& event) { missed.emplace_back(&topic, event); });
      if (reader.group.empty() && !removed_[i]) query.topics.push_back(&topic);
    }
    const bool fresh = starts_.emplace(&reader, sequence_).second;
    if (fresh || !placed) {
      if (!fresh) reader.gaps.emplace_back(reader.last_id, sequence_);
      reader.last_id = sequence_;  // the snapshot's id
      missed.clear();
    }
    std::sort(missed.begin(), missed.end(),
              [](const auto& a, const auto& b) { return a.second.sequence < b.second.sequence; });
    for (const auto& [topic, event] : missed) {
      give(reader, encoder_.encode(dialect_, reader.framing, *topic, event));
      if (reader.topics.size() == 1 && is_terminal(event.type)) {
        reader.ended = true;
        break;
      }
    }
    const bool nothing_to_come =
        reader.group.empty() &&
        (query.topics.empty() || (reader.topics.size() == 1 && over_[reader.topics.front()]));
    if (reader.ended || nothing_to_come) {
      reader.ended = true;
      return;
    }
    subscribed_[&reader] = true;
    hub.subscribe(id, std::move(query), {&dialect_, reader.framing}, sequence_);
  }

  void disconnect(Reader& reader) {
    if (!reader.connected) return;
    reader.connected = false;
    if (std::exchange(subscribed_[&reader], false)) {
      hub.unsubscribe(static_cast<SubscriberId>(index_of(reader)));
    }
    // What it did not get is replayed; it has not ended unless it got the end.
    if (reader.ended && !reader.outbox.empty()) reader.ended = false;
  }

  std::size_t index_of(const Reader& reader) const {
    return static_cast<std::size_t>(std::find_if(readers.begin(), readers.end(),
                                                 [&](const Reader& r) { return &r == &reader; }) -
                                    readers.begin());
  }

  /// Writes what the socket takes; the rest waits in the outbox.
  void give(Reader& reader, const FrameRef& frame) {
    reader.outbox.push(frame);
    reader.was_slow = reader.was_slow || !reader.writable;
    if (!reader.was_slow || chance.one_in(2)) drain(reader, /*all=*/!reader.was_slow);
    // Only what is left behind may give way to something newer.
    if (!reader.outbox.empty() && frame.about().conflatable) {
      reader.maybe_conflated.insert(frame.about().sequence);
    }
  }

  void drain(Reader& reader, bool all) {
    if (!reader.connected || !reader.writable) return;
    while (!reader.outbox.empty()) {
      std::array<std::string_view, 3> room;
      const std::size_t filled = reader.outbox.gather(room);
      std::string bytes;
      for (std::size_t i = 0; i < filled; ++i) bytes += room[i];
      if (!all) bytes.resize(1 + chance.index(bytes.size()));
      reader.outbox.consume(bytes.size());
      arrive(reader, bytes);
      if (!all) return;
    }
  }

  /// The client's side: whole blocks count, each with its id.
  void arrive(Reader& reader, std::string_view bytes) {
    reader.wire += bytes;
    const std::string_view end = reader.framing == Framing::kChunked ? "\n\n\r\n" : "\n\n";
    for (std::size_t at; (at = reader.wire.find(end)) != std::string::npos;) {
      std::string block = reader.wire.substr(0, at + 2);
      reader.wire.erase(0, at + end.size());
      if (reader.framing == Framing::kChunked) {
        const std::size_t head = block.find("\r\n");
        ASSERT_EQ(std::stoull(block.substr(0, head), nullptr, 16), block.size() - head - 2);
        block.erase(0, head + 2);
      }
      ASSERT_EQ(block.substr(0, 4), "id: ") << block;
      const Sequence sequence = std::stoull(block.substr(4));
      ASSERT_GT(sequence, reader.last_id);
      reader.last_id = sequence;
      reader.got.push_back(sequence);
    }
  }

  PlainDialect dialect_;
  FrameEncoder encoder_;
  Sequence sequence_ = 0;
  std::size_t history_;
  std::map<std::size_t, bool> over_, removed_;
  std::map<std::size_t, std::vector<std::string>> members_;
  std::map<const Reader*, Sequence> starts_;
  std::map<const Reader*, bool> subscribed_;

 public:
  Hub hub{{.events_max = history_}, *this};  // last: it lets go of topics and readers first
};

}  // namespace progressd::testing
