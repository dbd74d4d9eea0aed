// Why: what sseload says of a server is only worth what its own parsing and checking are worth.
#include "sse_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "body_decoder.h"
#include "response_head.h"

namespace sseload {
namespace {

struct Seen {
  std::string name;
  std::string data;
  std::string id;
  bool is_dispatched;
  bool operator==(const Seen&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Seen& seen) {
  return out << "{" << seen.name << "|" << seen.data << "|" << seen.id << "|" << seen.is_dispatched
             << "}";
}

/// Feeds pieces as a stream does: what was not consumed goes in front of the next piece.
class Feed {
 public:
  void give(std::string_view piece) {
    kept_.append(piece);
    const std::string bytes = std::exchange(kept_, {});
    reader_.begin(state_, bytes);
    SseEvent event;
    while (reader_.next(event)) {
      seen_.push_back({std::string(event.name), std::string(event.data),
                       std::string(event.id.value_or("-")), event.is_dispatched});
    }
    kept_ = bytes.substr(reader_.consumed());
  }
  const std::vector<Seen>& seen() const { return seen_; }
  const std::string& kept() const { return kept_; }
  SseReader& reader() { return reader_; }

 private:
  SseReader reader_;
  SseState state_;
  std::string kept_;
  std::vector<Seen> seen_;
};

std::vector<Seen> read_all(std::string_view text) {
  Feed feed;
  feed.give(text);
  return feed.seen();
}

TEST(SseReader, ReadsNameIdAndData) {
  EXPECT_EQ(read_all("event: progress\nid: 7\ndata: {\"done\":1}\n\n"),
            (std::vector<Seen>{{"progress", "{\"done\":1}", "7", true}}));
}

TEST(SseReader, JoinsDataLinesWithLf) {
  EXPECT_EQ(read_all("data: a\ndata:b\ndata\n\n"), (std::vector<Seen>{{"", "a\nb\n", "-", true}}));
}

TEST(SseReader, TakesOneBlankOnlyAfterTheColon) {
  EXPECT_EQ(read_all("data:  two\n\n"), (std::vector<Seen>{{"", " two", "-", true}}));
}

TEST(SseReader, EmptyDataIsAnEventAndNoDataIsNone) {
  EXPECT_EQ(read_all("data:\n\nevent: x\n\nid: 4\n\n"),
            (std::vector<Seen>{{"", "", "-", true}, {"", "", "4", false}}));
}

TEST(SseReader, IgnoresAnIdWithNul) {
  EXPECT_EQ(read_all(std::string_view("id: 1\0\ndata: x\n\n", 16)),
            (std::vector<Seen>{{"", "x", "-", true}}));
}

TEST(SseReader, CommentsWithoutAnEmptyLineAreNotKept) {
  Feed feed;
  feed.give(": keepalive\n: keepalive\n");
  EXPECT_TRUE(feed.kept().empty());
  EXPECT_EQ(feed.reader().counts().comments, 2u);
}

TEST(SseReader, CountsACommentInACutEventOnce) {
  Feed feed;
  feed.give("id: 1\n: note\nda");
  feed.give("ta: x\n\n");
  EXPECT_EQ(feed.seen().size(), 1u);
  EXPECT_EQ(feed.reader().counts().comments, 1u);
}

TEST(SseReader, TellsTheLastValidRetry) {
  Feed feed;
  feed.give("retry: 2500\n\nretry: soon\n\n");
  EXPECT_EQ(feed.reader().take_retry(), 2500u);
  EXPECT_EQ(feed.reader().take_retry(), std::nullopt);
}

TEST(SseReader, SkipsAByteOrderMarkAtTheStartOnly) {
  EXPECT_EQ(read_all("\xEF\xBB\xBF"
                     "data: x\n\n\xEF\xBB\xBF"
                     "data: y\n\n"),
            (std::vector<Seen>{{"", "x", "-", true}}));
}

TEST(SseReader, AnUnfinishedEventIsNoEvent) {
  Feed feed;
  feed.give("data: x\n");
  EXPECT_TRUE(feed.seen().empty());
  EXPECT_EQ(feed.kept(), "data: x\n");
}

TEST(SseReader, AnyCutGivesTheSameEvents) {
  const std::string lines =
      "\xEF\xBB\xBF: hello\nretry: 1\n\nevent: a\nid: p-1\ndata: x\ndata: y\n\n:\n\ndata\n\nid: "
      "p-2\n\nodd: 1\ndata: z\n\n";
  for (const std::string_view line_end : {"\n", "\r\n", "\r"}) {
    std::string text;
    for (const char c : lines) c == '\n' ? text.append(line_end) : text.append(1, c);
    const std::vector<Seen> whole = read_all(text);
    ASSERT_EQ(whole.size(), 4u);
    for (size_t first = 0; first <= text.size(); ++first) {
      for (size_t second = first; second <= text.size(); ++second) {
        Feed feed;
        feed.give(std::string_view(text).substr(0, first));
        feed.give(std::string_view(text).substr(first, second - first));
        feed.give(std::string_view(text).substr(second));
        ASSERT_EQ(feed.seen(), whole) << "cut at " << first << " and " << second;
        ASSERT_TRUE(feed.kept().empty());
      }
    }
  }
}

/// Decodes in pieces that are cut at random, each in place.
std::string decode(BodyState& state, std::string wire, std::mt19937& random) {
  std::string body;
  size_t at = 0;
  while (at < wire.size() && !state.is_done() && !state.is_bad()) {
    const size_t piece = std::min<size_t>(1 + random() % 7, wire.size() - at);
    const Decoded decoded = decode_body(state, wire.data() + at, piece, wire.data() + at);
    body.append(wire, at, decoded.body_bytes);
    at += decoded.wire_bytes;
  }
  return body;
}

TEST(BodyDecoder, TakesChunksWithExtensionsAndTrailersApartAtAnyCut) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  for (int round = 0; round < 500; ++round) {
    BodyState state = BodyState::chunked();
    EXPECT_EQ(
        decode(state, "5\r\nhello\r\n00b;x=\"y\"\r\n, wide\r\nyou\r\n0\r\nA: b\r\nC: d\r\n\r\n",
               random),
        "hello, wide\r\nyou");
    EXPECT_TRUE(state.is_done());
  }
}

TEST(BodyDecoder, RefusesWhatTheStandardDoesNotAllow) {
  for (const char* wire : {"5\nhello\r\n", "\r\n", "g\r\n", "5\r\nhelloX\n", "5\r\nhello\n",
                           "1;x\ny\r\n", "1234567890abcdef0\r\n", "-1\r\n"}) {
    BodyState state = BodyState::chunked();
    std::string bytes = wire;
    decode_body(state, bytes.data(), bytes.size(), bytes.data());
    EXPECT_TRUE(state.is_bad()) << wire;
  }
}

TEST(BodyDecoder, StopsAtTheEndOfALength) {
  BodyState state = BodyState::of_length(3);
  std::string bytes = "abcdef";
  const Decoded decoded = decode_body(state, bytes.data(), bytes.size(), bytes.data());
  EXPECT_TRUE(state.is_done());
  EXPECT_EQ(decoded.wire_bytes, 3u);
  EXPECT_EQ(decoded.body_bytes, 3u);
}

TEST(ResponseHead, KnowsTheThreeFramings) {
  ResponseHead head;
  ASSERT_EQ(parse_response_head("HTTP/1.1 200 OK\r\ntransfer-ENCODING: chunked\r\n"
                                "Content-Type: text/event-stream; charset=utf-8\r\n\r\nrest",
                                head),
            HeadState::kComplete);
  EXPECT_TRUE(head.is_event_stream);
  EXPECT_EQ(head.body.framing, BodyState::Framing::kChunked);
  EXPECT_FALSE(head.closes);
  ASSERT_EQ(parse_response_head(
                "HTTP/1.1 429 \r\nContent-Length: 12\r\nConnection: x, Close\r\n\r\n", head),
            HeadState::kComplete);
  EXPECT_EQ(head.status, 429);
  EXPECT_EQ(head.body.left, 12u);
  EXPECT_TRUE(head.closes);
  ASSERT_EQ(parse_response_head("HTTP/1.0 200 OK\r\n\r\n", head), HeadState::kComplete);
  EXPECT_EQ(head.body.framing, BodyState::Framing::kUntilClose);
}

TEST(ResponseHead, KnowsGzipAndNoOtherCoding) {
  ResponseHead head;
  ASSERT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nContent-Encoding: GZip\r\n\r\n", head),
            HeadState::kComplete);
  EXPECT_TRUE(head.is_gzip);
  ASSERT_EQ(parse_response_head("HTTP/1.1 200 OK\r\n\r\n", head), HeadState::kComplete);
  EXPECT_FALSE(head.is_gzip);
  EXPECT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n", head),
            HeadState::kBad);
}

TEST(ResponseHead, IsIncompleteOrBad) {
  ResponseHead head;
  EXPECT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nA: b\r\n", head), HeadState::kIncomplete);
  EXPECT_EQ(parse_response_head("HTTP/2 200\r\n\r\n", head), HeadState::kBad);
  EXPECT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", head), HeadState::kBad);
  EXPECT_EQ(parse_response_head("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
                                head),
            HeadState::kBad);
}

}  // namespace
}  // namespace sseload
