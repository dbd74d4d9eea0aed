// What readers that never read hold in user space, all together: the hub, the stream writer and
// their outboxes, against the formula in the README.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "core/stream/hub.h"
#include "net/http/stream_writer.h"
#include "tests/core/counting_allocator.h"
#include "tests/core/testing.h"
#include "tests/net/http/fake_io.h"

namespace progressd {
namespace {

using testing::bytes_alive;
using testing::bytes_alive_max;

constexpr std::size_t kTopics = 50;
constexpr std::size_t kPayloadBytes = 1'000;
/// Of one event in its chunk.
constexpr std::size_t kFrameBytesMax = kPayloadBytes + 100;

/// Says which event, and fills it up.
class LongDialect final : public Dialect {
 public:
  bool encode(const Subject&, const Event& event, std::string& out) const override {
    append_sse("", std::to_string(event.sequence), filler_, out);
    return true;
  }

 private:
  const std::string filler_ = std::string(kPayloadBytes, 'x');
};

class StuckReadersTest : public ::testing::Test {
 protected:
  StuckReadersTest() {
    for (std::size_t i = 0; i < kTopics; ++i) {
      topics_.emplace_back(i + 1, std::to_string(i));
      hub_.join(topics_.back().topic, "all");
    }
  }
  void TearDown() override { connections_.close_all(); }  // while there is a hub to be told

  /// A reader of everything whose socket takes its head, and then `room` bytes.
  void open_reader(std::size_t room) {
    const int fd = next_fd_++;
    const FrameRef head("HEAD");
    const std::uint32_t slot = ConnectionTable::slot_of(connections_.open(fd));
    writer_.begin(slot, {&head, 1}, /*ends=*/false, {.wall_at = 1});
    io_.sockets[fd].room = room;
    connections_.at(slot).subscribed = true;
    hub_.subscribe(slot, testing::all_of("all"), {&dialect_, Framing::kChunked}, 0);
    slots_.push_back(slot);
  }
  void publish(std::size_t topic, EventType type = EventType::kProgress) {
    hub_.publish(topics_[topic].topic,
                 testing::event_of(++sequence_, type, type != EventType::kProgress));
  }
  /// As at the end of a loop's turn.
  void end_turn() {
    hub_.flush();
    connections_.reap();
  }
  std::size_t most_queued_bytes() {
    std::size_t most = 0;
    for (const std::uint32_t slot : slots_) {
      const Connection& connection = connections_.at(slot);
      if (connection.backlog) most = std::max(most, connection.backlog->outbox.bytes());
    }
    return most;
  }

  StreamSettings settings_;
  FakeIo io_;
  std::deque<testing::NamedTopic> topics_;  // outlive the hub, as jobs do
  LongDialect dialect_;
  ConnectionTable connections_{io_, [this](std::uint32_t slot, Connection& connection) {
                                 if (connection.subscribed) hub_.unsubscribe(slot);
                                 writer_.forget(slot);
                               }};
  Deadlines deadlines_{connections_, 1};
  StreamLimits limits_{0, 0};
  StreamWriter writer_{settings_, io_, connections_, deadlines_, limits_};
  Hub hub_{{.events_max = 0}, writer_};  // what topics keep is not the readers'
  std::vector<std::uint32_t> slots_;
  int next_fd_ = 10;
  Sequence sequence_ = 0;
};

TEST_F(StuckReadersTest, HoldTheNewestProgressOfEachJobAndItsBytesOnce) {
  constexpr std::size_t kReaders = 200;
  for (std::size_t i = 0; i < kReaders; ++i) open_reader(/*room=*/0);
  const std::size_t before = bytes_alive;
  bytes_alive_max = bytes_alive;
  for (int round = 0; round < 100; ++round) {
    for (std::size_t topic = 0; topic < kTopics; ++topic) publish(topic);
    end_turn();
    ASSERT_LE(most_queued_bytes(), kTopics * kFrameBytesMax);
  }
  EXPECT_EQ(writer_.counters().events_conflated, kReaders * kTopics * 99);
  // In the middle of a flush the older progress is still there, beside the newer one.
  const std::size_t frames = 2 * kTopics * kFrameBytesMax;
  const std::size_t each = (kTopics + 1) * Outbox::kFrameOverheadBytesMax + Outbox::kOwnBytesMax;
  EXPECT_LE(bytes_alive_max, before + frames + kReaders * each);
}

TEST_F(StuckReadersTest, AreClosedWithinOneFlushOfTheBoundAndLeaveNothing) {
  constexpr std::size_t kReaders = 20;
  settings_.outbox_bytes_max = 300'000;
  const std::size_t queued_max =
      settings_.outbox_bytes_max + Hub::kBytesPerFlushMax + kFrameBytesMax;
  // After readers that took a burst, what the hub and the writer keep for the next one is there.
  for (std::size_t i = 0; i < kReaders; ++i) open_reader(/*room=*/SIZE_MAX);
  for (std::size_t i = 0; i < 2 * Hub::kBytesPerFlushMax / kPayloadBytes; ++i) publish(0);
  end_turn();
  for (const std::uint32_t slot : slots_) connections_.close(slot);
  end_turn();
  slots_.clear();
  for (std::size_t i = 0; i < kReaders; ++i) open_reader(/*room=*/0);
  const std::size_t before = bytes_alive;
  bytes_alive_max = bytes_alive;
  std::size_t most = 0;
  constexpr std::size_t kEventsMax = 1'000;  // more than three times what the bound lets be queued
  for (std::size_t i = 0; i < kEventsMax && writer_.counters().closed_as_slow == 0; ++i) {
    publish(i % kTopics, EventType::kSnapshot);  // never conflated
    most = std::max(most, most_queued_bytes());  // within a turn, too
  }
  EXPECT_GT(most, settings_.outbox_bytes_max - Hub::kBytesPerFlushMax);
  EXPECT_LE(most, queued_max);
  const std::size_t frames = queued_max / kPayloadBytes + 1;
  const std::size_t each = frames * Outbox::kFrameOverheadBytesMax + Outbox::kOwnBytesMax;
  EXPECT_LE(bytes_alive_max, before + queued_max + kReaders * each);
  end_turn();
  EXPECT_EQ(writer_.counters().closed_as_slow, kReaders);
  EXPECT_EQ(connections_.open_count(), 0U);
  EXPECT_LE(bytes_alive, before + 4 * 1024);  // lists of free slots, and what the sockets remember
}

}  // namespace
}  // namespace progressd
