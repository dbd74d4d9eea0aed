// The stream writer over sockets that take what a test lets them take.
#include "net/http/stream_writer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/net/http/stream_writer_fixture.h"

namespace progressd {
namespace {

using testing::event;

class StreamWriterTest : public testing::StreamWriterFixture {
 protected:
  std::uint32_t open_stream(int fd, bool ends = false) {
    const std::uint32_t slot = ConnectionTable::slot_of(connections_.open(fd));
    const FrameRef head("HEAD");
    writer_.begin(slot, {&head, 1}, ends, {.wall_at = 1});
    return slot;
  }
};

TEST_F(StreamWriterTest, AnEventIsOneWriteForEachReaderAndLeavesNothingBehind) {
  const auto a = open_stream(10);
  const auto b = open_stream(11);
  deliver(event("one", 1, true), {a, b});
  EXPECT_EQ(io_.sockets[10].written, "HEADone");
  EXPECT_EQ(io_.sockets[11].written, "HEADone");
  EXPECT_EQ(io_.sockets[10].writes, 2);  // the opening, the event
  EXPECT_EQ(at(a).backlog, nullptr);
  EXPECT_EQ(writer_.counters().events_delivered, 2U);
}

TEST_F(StreamWriterTest, AFullSocketGetsTheRestLaterAndInOrder) {
  const auto slot = open_stream(10);
  io_.sockets[10].room = 2;
  deliver(event("one", 1, false), {slot});
  deliver(event("two", 2, false), {slot});
  EXPECT_EQ(io_.sockets[10].written, "HEADon");
  EXPECT_EQ(at(slot).backlog->outbox.bytes(), 4U);
  io_.sockets[10].room = SIZE_MAX;
  writer_.on_writable(slot);
  EXPECT_EQ(io_.sockets[10].written, "HEADonetwo");
  EXPECT_EQ(at(slot).backlog, nullptr);
  EXPECT_EQ(writer_.counters().events_delivered, 2U);
}

TEST_F(StreamWriterTest, ABatchThatIsCutByAFullSocketIsConflatedOnlyBehindTheCut) {
  const auto slot = open_stream(10);
  io_.sockets[10].room = 6;
  const FrameRef batch[] = {event("[p1]", 1, true), event("[p2]", 2, true), event("[p3]", 3, true),
                            event("[p4]", 4, true)};
  writer_.deliver(batch, std::vector<SubscriberId>{slot}, /*ends=*/false);
  EXPECT_EQ(at(slot).backlog->outbox.sent_through(), 1U);
  io_.sockets[10].room = SIZE_MAX;
  writer_.on_writable(slot);
  EXPECT_EQ(io_.sockets[10].written, "HEAD[p1][p2][p4]");
  EXPECT_EQ(writer_.counters().events_delivered, 3U);
}

TEST_F(StreamWriterTest, ALastChunkThatIsCutIsCompletedLater) {
  const auto slot = open_stream(10);
  io_.sockets[10].room = 5;
  deliver(event("end", 1, false), {slot}, /*ends=*/true);
  EXPECT_EQ(io_.sockets[10].written, "HEADend0\r");
  io_.sockets[10].room = SIZE_MAX;
  writer_.on_writable(slot);
  EXPECT_EQ(io_.sockets[10].written, "HEADend0\r\n\r\n");
  EXPECT_TRUE(io_.sockets[10].shut);
}

TEST_F(StreamWriterTest, ASlowReaderGetsTheNewestProgressAndEveryStateChange) {
  const auto slot = open_stream(10);
  io_.sockets[10].room = 1;
  deliver(event("[p1]", 1, true), {slot});
  deliver(event("[p2]", 2, true), {slot});
  deliver(event("[state]", 3, false), {slot});
  deliver(event("[p4]", 4, true), {slot});
  deliver(event("[p5]", 5, true), {slot});
  io_.sockets[10].room = SIZE_MAX;
  writer_.on_writable(slot);
  // p1 was begun; p2 was replaced by p4 and p4 by p5.
  EXPECT_EQ(io_.sockets[10].written, "HEAD[p1][state][p5]");
  EXPECT_EQ(at(slot).conflated, 2U);
  EXPECT_EQ(writer_.counters().events_conflated, 2U);
}

TEST_F(StreamWriterTest, ATurnOfManyEventsConflatesAsTheSameEventsOneByOneDo) {
  const auto of = [](std::string_view bytes, TopicId topic, Sequence sequence, bool conflatable,
                     bool progress) {
    return FrameRef({bytes}, {topic, sequence, conflatable, progress});
  };
  const std::vector<FrameRef> turn{
      of("[a2]", 1, 2, true, true),      of("[b3]", 2, 3, true, true),
      of("[a4]", 1, 4, true, true),      of("[b-state5]", 2, 5, false, true),
      of("[b6]", 2, 6, true, true),      of("[a7]", 1, 7, true, true),
      of("[b-end8]", 2, 8, false, false)};
  const auto once = open_stream(10);
  const auto by_one = open_stream(11);
  for (const auto slot : {once, by_one}) {
    io_.sockets[at(slot).fd].room = 1;
    deliver(event("[a0]", 1, true), {slot});
  }
  writer_.deliver(turn, std::vector{once}, false);
  for (const FrameRef& frame : turn) deliver(frame, {by_one});
  for (const auto slot : {once, by_one}) {
    io_.sockets[at(slot).fd].room = SIZE_MAX;
    writer_.on_writable(slot);
    EXPECT_EQ(io_.sockets[at(slot).fd].written, "HEAD[a0][b-state5][b6][a7][b-end8]");
    EXPECT_EQ(at(slot).conflated, 3U);
  }
}

TEST_F(StreamWriterTest, AReaderOverTheBoundIsClosedAndOthersAreNot) {
  settings_.outbox_bytes_max = 100;
  const auto slow = open_stream(10);
  const auto good = open_stream(11);
  io_.sockets[10].room = 0;
  const std::string large(60, 'x');
  deliver(event(large, 1, false), {slow, good});
  EXPECT_EQ(at(slow).state, Connection::State::kStreaming);
  deliver(event(large, 2, false), {slow, good});
  EXPECT_EQ(at(slow).state, Connection::State::kClosing);
  EXPECT_EQ(writer_.counters().closed_as_slow, 1U);
  EXPECT_EQ(io_.sockets[11].written, "HEAD" + large + large);
}

TEST_F(StreamWriterTest, TheBoundHoldsInTheTurnInWhichTheSocketFills) {
  settings_.outbox_bytes_max = 100;
  const auto slot = open_stream(10);
  io_.sockets[10].room = 10;
  deliver(event(std::string(111, 'x'), 1, false), {slot});
  EXPECT_EQ(at(slot).state, Connection::State::kClosing);
  const auto other = open_stream(11);
  io_.sockets[11].room = 10;
  deliver(event(std::string(110, 'x'), 2, false), {other});
  EXPECT_EQ(at(other).state, Connection::State::kStreaming);
}

TEST_F(StreamWriterTest, TheOpeningDoesNotCountAgainstTheBound) {
  settings_.outbox_bytes_max = 10;
  io_.sockets[10].room = 1;
  const auto slot = ConnectionTable::slot_of(connections_.open(10));
  const std::vector<FrameRef> opening(300, FrameRef("snapshot"));  // more than one write's pieces
  writer_.begin(slot, opening, false, {.wall_at = 1});
  deliver(event("12345", 1, false), {slot});
  EXPECT_EQ(at(slot).state, Connection::State::kStreaming);
  deliver(event("123456", 2, false), {slot});
  EXPECT_EQ(at(slot).state, Connection::State::kClosing);
}

TEST_F(StreamWriterTest, ALongOpeningThatTheSocketTakesIsNotConflated) {
  const auto slot = ConnectionTable::slot_of(connections_.open(10));
  std::vector<FrameRef> opening;
  std::string expected;
  for (Sequence i = 1; i <= 300; ++i) {
    opening.push_back(event(fmt::format("<{}>", i), i, true));
    expected += fmt::format("<{}>", i);
  }
  writer_.begin(slot, opening, false, {.wall_at = 1});
  EXPECT_EQ(io_.sockets[10].written, expected);
}

TEST_F(StreamWriterTest, TheEndIsTheLastChunkThenTheWriteSideIsShut) {
  const auto chunked = open_stream(10);
  const auto bare = open_stream(11);
  at(bare).framing = Framing::kUntilClose;
  deliver(event("end", 1, false), {chunked, bare}, /*ends=*/true);
  EXPECT_EQ(io_.sockets[10].written, "HEADend0\r\n\r\n");
  EXPECT_EQ(io_.sockets[11].written, "HEADend");
  EXPECT_TRUE(io_.sockets[10].shut);
  EXPECT_TRUE(io_.sockets[11].shut);
  EXPECT_EQ(at(chunked).state, Connection::State::kLingering);
  deliver(event("late", 2, false), {chunked});
  EXPECT_EQ(io_.sockets[10].written, "HEADend0\r\n\r\n");
}

TEST_F(StreamWriterTest, ASlowReaderIsEndedOnceItHasEverything) {
  const auto slot = open_stream(10);
  io_.sockets[10].room = 1;
  deliver(event("end", 1, false), {slot}, /*ends=*/true);
  EXPECT_FALSE(io_.sockets[10].shut);
  io_.sockets[10].room = SIZE_MAX;
  writer_.on_writable(slot);
  EXPECT_EQ(io_.sockets[10].written, "HEADend0\r\n\r\n");
  EXPECT_TRUE(io_.sockets[10].shut);
}

TEST_F(StreamWriterTest, AnIdleReaderGetsAKeepaliveAndABusyOneDoesNot) {
  const auto idle = open_stream(10);
  const auto busy = open_stream(11);
  const Tick due = Deadlines::ticks(settings_.keepalive_ms);
  const auto advance = [&](Tick now) {
    deadlines_.advance(now, [&](std::uint32_t slot) { writer_.on_due(slot); });
  };
  advance(due - 2);
  EXPECT_EQ(io_.sockets[10].written, "HEAD");
  deliver(event("one", 1, true), {busy});
  advance(due + 1);
  EXPECT_EQ(io_.sockets[10].written, "HEADd\r\n: keepalive\n\n\r\n");
  EXPECT_EQ(io_.sockets[11].written, "HEADone");
  static_cast<void>(idle);
}

TEST_F(StreamWriterTest, AWriteThatFailsClosesTheConnection) {
  const auto slot = open_stream(10);
  io_.sockets[10].failed = true;
  deliver(event("one", 1, true), {slot});
  EXPECT_EQ(io_.closed.count(10), 1U);
  connections_.reap();
  EXPECT_EQ(writer_.counters().open, 0U);
}

TEST_F(StreamWriterTest, WhateverTheSocketsTakeEachReaderGetsWholeFramesInOrder) {
  const std::uint64_t seed = std::random_device()();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<SubscriberId> slots;
  for (int fd = 100; fd < 120; ++fd) slots.push_back(open_stream(fd));
  for (Sequence sequence = 1; sequence <= 500;) {
    std::vector<FrameRef> batch;
    for (std::uint64_t size = 1 + random() % 10; size > 0 && sequence <= 500; --size, ++sequence) {
      const bool conflatable = random() % 4 != 0;
      batch.push_back(
          event(fmt::format("<{}{}>", conflatable ? 'p' : 's', sequence), sequence, conflatable));
    }
    writer_.deliver(batch, slots, /*ends=*/false);
    for (const SubscriberId slot : slots) {
      io_.sockets[at(slot).fd].room = random() % 3 == 0 ? SIZE_MAX : random() % 20;
      writer_.on_writable(slot);
    }
  }
  for (const SubscriberId slot : slots) {
    FakeIo::Socket& socket = io_.sockets[at(slot).fd];
    socket.room = SIZE_MAX;
    writer_.on_writable(slot);
    std::string_view rest = std::string_view(socket.written).substr(4);
    Sequence last = 0;
    std::size_t states = 0;
    while (!rest.empty()) {
      ASSERT_EQ(rest.front(), '<');
      const Sequence sequence = std::stoull(std::string(rest.substr(2)));
      EXPECT_GT(sequence, last);
      last = sequence;
      if (rest[1] == 's') ++states;
      rest.remove_prefix(rest.find('>') + 1);
    }
    EXPECT_EQ(last, 500U);
    EXPECT_EQ(at(slot).backlog, nullptr);
    EXPECT_GT(states, 50U);
  }
}

}  // namespace
}  // namespace progressd
