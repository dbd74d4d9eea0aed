// Compressed streams through the stream writer, over sockets that take what a test lets them take.
#include "net/http/compressed_streams.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/core/stream/gzip_reader.h"
#include "tests/core/testing.h"
#include "tests/net/http/stream_writer_fixture.h"

namespace progressd {
namespace {

using testing::Chance;
using testing::event;
using testing::GzipReader;

/// Takes the chunks off, if there are any; what is left of one that is cut is left out.
std::string unchunked(std::string_view wire, bool& ended) {
  std::string body;
  ended = false;
  while (!wire.empty()) {
    const std::size_t line_end = wire.find("\r\n");
    if (line_end == std::string_view::npos) break;
    const std::size_t size = std::stoul(std::string(wire.substr(0, line_end)), nullptr, 16);
    if (wire.size() < line_end + 4 + size) break;
    body.append(wire.substr(line_end + 2, size));
    EXPECT_EQ(wire.substr(line_end + 2 + size, 2), "\r\n");
    wire.remove_prefix(line_end + 4 + size);
    ended = size == 0;
  }
  return body;
}

class CompressedStreamsTest : public testing::StreamWriterFixture {
 protected:
  struct Got {
    std::string text;
    bool is_good = true;
    bool is_over = false;  // gzip's end, and the response's
  };

  std::uint32_t open_stream(int fd, Framing framing = Framing::kGzipChunked) {
    const std::uint32_t slot = ConnectionTable::slot_of(connections_.open(fd));
    at(slot).framing = framing;
    const bool chunked = framing == Framing::kGzipChunked;
    const FrameRef head = make_frame(chunked ? Framing::kChunked : framing, kGzipHeader, {});
    writer_.begin(slot, {&head, 1}, /*ends=*/false, {.wall_at = 1});
    return slot;
  }
  FakeIo::Socket& socket_of(std::uint32_t slot) { return io_.sockets[at(slot).fd]; }
  void let_all_through(std::uint32_t slot) {
    socket_of(slot).room = SIZE_MAX;
    writer_.on_writable(slot);
  }
  /// What the stream's reader has made of its bytes.
  Got got(std::uint32_t slot) {
    const FakeIo::Socket& socket = socket_of(slot);
    bool ended = socket.shut;
    const std::string body = at(slot).framing == Framing::kGzipChunked
                                 ? unchunked(socket.written, ended)
                                 : socket.written;
    GzipReader reader;
    Got got;
    got.text = reader.feed(body);
    got.is_good = reader.is_good();
    got.is_over = reader.is_over() && ended;
    return got;
  }
};

TEST_F(CompressedStreamsTest, ManyReadersOfAnEventCostOneCompression) {
  std::vector<SubscriberId> readers;
  for (int fd = 10; fd < 110; ++fd) readers.push_back(open_stream(fd));
  deliver(event(std::string(300, 'x'), 1, true), readers);
  const CompressionCounters& counters = writer_.compression();
  EXPECT_EQ(counters.open, 100U);
  EXPECT_EQ(counters.events, 1U);
  EXPECT_EQ(counters.blocks, 1U);
  EXPECT_EQ(counters.bytes_in, 300U);
  EXPECT_LT(counters.bytes_out, 30U);
  EXPECT_EQ(writer_.counters().events_delivered, 100U);
  for (const SubscriberId slot : readers) {
    EXPECT_EQ(got(slot).text, std::string(300, 'x'));
    EXPECT_EQ(socket_of(slot).writes, 2);  // the head, the event
    EXPECT_EQ(at(slot).backlog, nullptr);
  }
}

TEST_F(CompressedStreamsTest, ATurnIsOneBlockAndCountsAsItsEvents) {
  const auto slot = open_stream(10);
  const FrameRef turn[] = {event("[p1]", 1, true), event("[p2]", 2, true), event("[s3]", 3, false)};
  writer_.deliver(turn, std::vector<SubscriberId>{slot}, /*ends=*/false);
  EXPECT_EQ(got(slot).text, "[p1][p2][s3]");
  EXPECT_EQ(writer_.compression().blocks, 1U);
  EXPECT_EQ(writer_.compression().events, 3U);
  EXPECT_EQ(writer_.counters().events_delivered, 3U);
}

TEST_F(CompressedStreamsTest, ATurnOfWhichNothingIsTakenIsConflated) {
  const auto slot = open_stream(10);
  socket_of(slot).room = 0;
  const FrameRef turn[] = {event("[p1]", 1, true), event("[p2]", 2, true), event("[s3]", 3, false)};
  writer_.deliver(turn, std::vector<SubscriberId>{slot}, /*ends=*/false);
  deliver(event("[p4]", 4, true), {slot}, /*ends=*/true);
  let_all_through(slot);
  EXPECT_EQ(got(slot).text, "[s3][p4]");
  EXPECT_TRUE(got(slot).is_over);
  EXPECT_EQ(at(slot).conflated, 2U);
}

TEST_F(CompressedStreamsTest, AnEventThatIsSupersededDoesNotCountInTheTrailer) {
  const auto slot = open_stream(10);
  socket_of(slot).room = 3;
  deliver(event("[p1]", 1, true), {slot});
  deliver(event("[p2]", 2, true), {slot});
  deliver(event("[p3]", 3, true), {slot});
  socket_of(slot).room = 9;  // within the trailer, or before it
  deliver(event("[end]", 4, false), {slot}, /*ends=*/true);
  writer_.on_writable(slot);
  EXPECT_FALSE(got(slot).is_over);
  let_all_through(slot);
  EXPECT_EQ(got(slot).text, "[p1][p3][end]");
  EXPECT_TRUE(got(slot).is_over);
}

TEST_F(CompressedStreamsTest, WhereverTheEndIsCutItIsTheSameEnd) {
  for (int fd = 10; fd < 80; ++fd) {
    const auto slot = open_stream(fd);
    socket_of(slot).room = static_cast<std::size_t>(fd - 10);
    deliver(event("[end]", 1, false), {slot}, /*ends=*/true);
    let_all_through(slot);
    EXPECT_EQ(got(slot).text, "[end]");
    EXPECT_TRUE(got(slot).is_over) << "cut after " << fd - 10;
    EXPECT_TRUE(socket_of(slot).shut);
  }
}

TEST_F(CompressedStreamsTest, EndsCleanlyWithoutChunksToo) {
  const auto slot = open_stream(10, Framing::kGzipUntilClose);
  deliver(event("[p1]", 1, true), {slot});
  writer_.end(slot);
  EXPECT_EQ(got(slot).text, "[p1]");
  EXPECT_TRUE(got(slot).is_over);
}

TEST_F(CompressedStreamsTest, AKeepaliveIsPartOfTheSum) {
  const auto slot = open_stream(10);
  deadlines_.advance(Deadlines::ticks(settings_.keepalive_ms) + 1,
                     [&](std::uint32_t due) { writer_.on_due(due); });
  writer_.end(slot);
  EXPECT_EQ(got(slot).text, kSseKeepalive);
  EXPECT_TRUE(got(slot).is_over);
  EXPECT_EQ(writer_.compression().events, 0U);
}

TEST_F(CompressedStreamsTest, AnOpeningOfManyEventsIsFewBlocks) {
  std::vector<FrameRef> opening{FrameRef("retry: 1000\n\n")};
  std::string expected = "retry: 1000\n\n";
  for (Sequence i = 1; i <= 1'000; ++i) {
    const std::string text = fmt::format("id: {}\ndata: {{\"state\":\"active\"}}\n\n", i) +
                             std::string(100, static_cast<char>('a' + i % 26));
    opening.push_back(event(text, i, true));
    expected += text;
  }
  const auto slot = open_stream(10);
  writer_.go_on_opening(slot, opening, /*ends=*/true);
  EXPECT_EQ(got(slot).text, expected);
  EXPECT_TRUE(got(slot).is_over);
  EXPECT_EQ(writer_.compression().events, 1'000U);
  EXPECT_EQ(writer_.compression().blocks, 3U);  // of 64 KiB
  EXPECT_EQ(writer_.counters().events_delivered, 1'000U);
}

TEST_F(CompressedStreamsTest, AnOpeningThatManyShareIsCompressedOnce) {
  const FrameRef latest = event(std::string(500, 'x'), 9, false);
  for (int fd = 10; fd < 60; ++fd) {
    const auto slot = open_stream(fd);
    writer_.go_on_opening(slot, {FrameRef("retry: 1000\n\n"), latest}, /*ends=*/false);
    EXPECT_EQ(got(slot).text, "retry: 1000\n\n" + std::string(500, 'x'));
  }
  EXPECT_EQ(writer_.compression().blocks, 1U);
}

TEST_F(CompressedStreamsTest, AStreamThatIsGoneIsCountedNoMore) {
  const auto ended = open_stream(10);
  const auto closed = open_stream(11);
  EXPECT_EQ(writer_.compression().open, 2U);
  writer_.end(ended);
  connections_.close(closed);
  connections_.reap();
  EXPECT_EQ(writer_.compression().open, 0U);
}

TEST_F(CompressedStreamsTest, WhateverTheSocketsTakeEachReaderGetsAGoodStream) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  Chance chance(seed);
  std::vector<SubscriberId> chunked;
  std::vector<SubscriberId> bare;
  for (int fd = 100; fd < 112; ++fd) chunked.push_back(open_stream(fd));
  for (int fd = 200; fd < 206; ++fd) bare.push_back(open_stream(fd, Framing::kGzipUntilClose));
  constexpr Sequence kEvents = 400;
  for (Sequence sequence = 1; sequence <= kEvents;) {
    std::vector<FrameRef> turn;
    for (std::int64_t size = chance.between(1, 8); size > 0 && sequence <= kEvents; --size) {
      const bool conflatable = !chance.one_in(4);
      const std::string filler(chance.one_in(3) ? 200 : 0, '-');
      turn.push_back(event(fmt::format("<{}{}{}>", conflatable ? 'p' : 's', sequence, filler),
                           sequence, conflatable));
      ++sequence;
    }
    const bool ends = sequence > kEvents;
    writer_.deliver(turn, chunked, ends);
    writer_.deliver(turn, bare, ends);
    for (const auto* slots : {&chunked, &bare}) {
      for (const SubscriberId slot : *slots) {
        if (at(slot).state != Connection::State::kStreaming) continue;
        socket_of(slot).room =
            chance.one_in(3) ? SIZE_MAX : static_cast<std::size_t>(chance.between(0, 40));
        writer_.on_writable(slot);
      }
    }
  }
  for (const auto* slots : {&chunked, &bare}) {
    for (const SubscriberId slot : *slots) {
      if (at(slot).state == Connection::State::kStreaming) let_all_through(slot);
      const Got all = got(slot);
      ASSERT_TRUE(all.is_over);
      Sequence last = 0;
      for (std::string_view rest = all.text; !rest.empty();
           rest.remove_prefix(rest.find('>') + 1)) {
        ASSERT_EQ(rest.front(), '<');
        const Sequence sequence = std::stoull(std::string(rest.substr(2)));
        ASSERT_GT(sequence, last);
        last = sequence;
      }
      EXPECT_EQ(last, kEvents);
    }
  }
}

}  // namespace
}  // namespace progressd
