#include "core/stream/sse.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::NamedTopic;

std::string block(std::string_view name, std::string_view id, std::string_view json) {
  std::string out;
  append_sse(name, id, json, out);
  return out;
}

TEST(Sse, ABlockHasItsFieldsAndEndsWithAnEmptyLine) {
  EXPECT_EQ(block("progress", "1-2", "{}"), "event: progress\nid: 1-2\ndata: {}\n\n");
}

TEST(Sse, AnEmptyNameOrIdIsLeftOut) {
  EXPECT_EQ(block("", "1", "{}"), "id: 1\ndata: {}\n\n");
  EXPECT_EQ(block("gap", "", "{}"), "event: gap\ndata: {}\n\n");
  EXPECT_EQ(block("", "", "{}"), "data: {}\n\n");
}

TEST(Sse, RetryIsABlockOfItsOwn) {
  std::string out;
  append_sse_retry(2345, out);
  EXPECT_EQ(out, "retry: 2345\n\n");
}

TEST(Sse, AKeepaliveIsACommentThatNoClientDispatches) {
  EXPECT_EQ(kSseKeepalive.front(), ':');
  EXPECT_EQ(kSseKeepalive.substr(kSseKeepalive.size() - 2), "\n\n");
}

TEST(MakeFrame, IsOneChunkOrTheBareBytes) {
  EXPECT_EQ(make_frame(Framing::kChunked, "data: {}\n\n", {}).bytes(), "a\r\ndata: {}\n\n\r\n");
  EXPECT_EQ(make_frame(Framing::kUntilClose, "data: {}\n\n", {}).bytes(), "data: {}\n\n");
  const std::string large(300, 'x');
  EXPECT_EQ(make_frame(Framing::kChunked, large, {}).bytes(), "12c\r\n" + large + "\r\n");
}

/// Tells progress and nothing else.
class ProgressOnly final : public Dialect {
 public:
  bool encode(const Subject&, const Event& event, std::string& out) const override {
    if (event.type != EventType::kProgress) return false;
    append_sse("", "", std::to_string(event.sequence), out);
    return true;
  }
};

TEST(FrameEncoder, SaysWhatTheFrameIsAbout) {
  const NamedTopic topic(42, "t");
  FrameEncoder encoder;
  const ProgressOnly dialect;
  const auto about = [&](const Event& event) {
    return encoder.encode(dialect, Framing::kChunked, topic.topic, event).about();
  };
  const FrameRef::About progress = about(testing::event_of(7));
  EXPECT_EQ(progress.topic, 42u);
  EXPECT_EQ(progress.sequence, 7u);
  EXPECT_TRUE(progress.conflatable);
  EXPECT_TRUE(progress.progress);
  const FrameRef::About begins = about(testing::event_of(8, EventType::kProgress, true));
  EXPECT_FALSE(begins.conflatable);
  EXPECT_TRUE(begins.progress);
}

TEST(FrameEncoder, IsNullForAnEventThatTheDialectDoesNotTell) {
  const NamedTopic topic(42, "t");
  FrameEncoder encoder;
  const ProgressOnly dialect;
  EXPECT_TRUE(encoder
                  .encode(dialect, Framing::kChunked, topic.topic,
                          testing::event_of(7, EventType::kCompleted))
                  .is_null());
  EXPECT_EQ(
      encoder.encode(dialect, Framing::kUntilClose, topic.topic, testing::event_of(8)).bytes(),
      "data: 8\n\n");
}

TEST(Event, OnlyProgressThatChangesNoStateIsConflatable) {
  for (const EventType type : {EventType::kSnapshot, EventType::kProgress, EventType::kCompleted,
                               EventType::kFailed, EventType::kCancelled, EventType::kRemoved}) {
    EXPECT_EQ(testing::event_of(1, type).conflatable(), type == EventType::kProgress);
    EXPECT_FALSE(testing::event_of(1, type, true).conflatable());
  }
}

}  // namespace
}  // namespace progressd
