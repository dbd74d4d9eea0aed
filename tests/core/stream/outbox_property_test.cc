// The outbox against a model that keeps a plain list.
#include <gtest/gtest.h>

#include <array>
#include <list>
#include <set>

#include "core/stream/outbox.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::Chance;

struct Queued {
  FrameRef frame;
  std::size_t sent = 0;
};

class Model {
 public:
  std::size_t push(const FrameRef& frame) {
    std::size_t replaced = 0;
    if (frame.about().progress) {
      replaced = std::erase_if(queue_, [&](const Queued& older) {
        return older.sent == 0 && older.frame.about().conflatable &&
               older.frame.about().topic == frame.about().topic;
      });
    }
    queue_.push_back({frame});
    return replaced;
  }
  /// Takes bytes off the front and returns them; frames that ended go to `ended`.
  std::string consume(std::size_t bytes, std::vector<FrameRef>& ended) {
    std::string sent;
    while (sent.size() < bytes) {
      Queued& front = queue_.front();
      sent += front.frame.bytes()[front.sent++];
      if (front.sent < front.frame.bytes().size()) continue;
      ended.push_back(front.frame);
      queue_.pop_front();
    }
    return sent;
  }
  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const Queued& queued : queue_) sum += queued.frame.bytes().size() - queued.sent;
    return sum;
  }

 private:
  std::list<Queued> queue_;
};

FrameRef random_frame(Chance& chance, TopicId topics, Sequence sequence) {
  const std::string bytes(static_cast<std::size_t>(chance.between(1, 12)),
                          static_cast<char>('a' + sequence % 26));
  if (chance.one_in(20)) return FrameRef(bytes);  // a keepalive
  const auto topic = static_cast<TopicId>(chance.between(1, static_cast<std::int64_t>(topics)));
  const std::int64_t kind = chance.between(0, 9);
  return FrameRef({bytes}, {topic, sequence, kind < 7, kind < 9});
}

/// Gathers in pieces of a random number and takes the first `bytes`.
std::string take(Outbox& outbox, std::size_t bytes, Chance& chance) {
  std::string sent;
  while (sent.size() < bytes) {
    std::array<std::string_view, 5> room;
    const std::size_t filled = outbox.gather(std::span(room).first(1 + chance.index(5)));
    std::string piece;
    for (std::size_t i = 0; i < filled; ++i) piece += room[i];
    piece.resize(std::min(piece.size(), bytes - sent.size()));
    outbox.consume(piece.size());
    sent += piece;
  }
  return sent;
}

TEST(OutboxProperty, SendsWhatAPlainListWouldSend) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  Chance chance(seed);
  for (int round = 0; round < 60; ++round) {
    const auto topics = static_cast<TopicId>(chance.between(1, 40));
    const std::int64_t eagerness = chance.between(0, 60);  // how much of the time it is read
    Outbox outbox;
    Model model;
    std::vector<FrameRef> pushed;
    std::vector<FrameRef> ended;
    Sequence sequence = 0;
    const auto drain = [&](std::size_t bytes) {
      const std::string expected = model.consume(bytes, ended);
      ASSERT_EQ(take(outbox, bytes, chance), expected);
      ASSERT_EQ(outbox.bytes(), model.bytes());
    };
    for (int i = 0; i < 1500; ++i) {
      if (chance.between(1, 100) <= eagerness && !outbox.empty()) {
        drain(
            static_cast<std::size_t>(chance.between(1, static_cast<std::int64_t>(outbox.bytes()))));
      } else {
        pushed.push_back(random_frame(chance, topics, ++sequence));
        ASSERT_EQ(outbox.push(pushed.back()), model.push(pushed.back()));
      }
      if (HasFatalFailure()) return;
    }
    drain(outbox.bytes());
    ASSERT_TRUE(outbox.empty());

    // Whatever the model says: ids rise, nothing but superseded progress is missing.
    std::set<Sequence> seen;
    std::map<TopicId, Sequence> newest;
    for (const FrameRef& frame : ended) {
      const Sequence id = frame.about().sequence;
      if (id == 0) continue;
      ASSERT_TRUE(seen.empty() || id > *seen.rbegin());
      seen.insert(id);
      if (frame.about().progress) newest[frame.about().topic] = id;
    }
    for (const FrameRef& frame : pushed) {
      const FrameRef::About& about = frame.about();
      if (about.sequence == 0 || seen.contains(about.sequence)) continue;
      ASSERT_TRUE(about.conflatable);
      ASSERT_GT(newest[about.topic], about.sequence);
    }
    if (!seen.empty()) {
      ASSERT_EQ(outbox.sent_through(), *seen.rbegin());
    }
  }
}

}  // namespace
}  // namespace progressd
