#include "core/stream/outbox.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace progressd {
namespace {

FrameRef progress(TopicId topic, Sequence sequence, std::string_view bytes) {
  return FrameRef({bytes}, {topic, sequence, true, true});
}
/// Becoming active: progress that takes older progress out, but stays itself.
FrameRef activation(TopicId topic, Sequence sequence, std::string_view bytes) {
  return FrameRef({bytes}, {topic, sequence, false, true});
}
FrameRef terminal(TopicId topic, Sequence sequence, std::string_view bytes) {
  return FrameRef({bytes}, {topic, sequence, false, false});
}

/// Everything that is still to be sent, as one text.
std::string left_in(const Outbox& outbox) {
  std::array<std::string_view, 1000> room;
  std::string text;
  const std::size_t filled = outbox.gather(room);
  for (std::size_t i = 0; i < filled; ++i) text += room[i];
  EXPECT_EQ(text.size(), outbox.bytes());
  return text;
}

TEST(Outbox, IsEmptyAtFirstAndAfterItsLastByte) {
  Outbox outbox;
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(left_in(outbox), "");
  outbox.push(FrameRef("abc"));
  EXPECT_FALSE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 3u);
  outbox.consume(3);
  EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, ShortWriteResumesInsideTheHeadFrame) {
  Outbox outbox;
  outbox.push(FrameRef("abcdef"));
  EXPECT_EQ(outbox.consume(2), 0u);
  std::array<std::string_view, 4> views;
  ASSERT_EQ(outbox.gather(views), 1u);
  EXPECT_EQ(views[0], "cdef");
}

TEST(Outbox, AWriteMayEndSeveralFramesAndStopInTheNext) {
  Outbox outbox;
  outbox.push(terminal(1, 1, "ab"));
  outbox.push(terminal(2, 2, "cd"));
  outbox.push(terminal(3, 3, "ef"));
  EXPECT_EQ(outbox.consume(5), 2u);
  EXPECT_EQ(left_in(outbox), "f");
}

TEST(Outbox, GathersNoMoreThanThereIsRoomFor) {
  Outbox outbox;
  for (const char* bytes : {"ab", "cd", "ef"}) outbox.push(FrameRef(bytes));
  std::array<std::string_view, 2> views;
  EXPECT_EQ(outbox.gather(views), 2u);
  EXPECT_EQ(views[1], "cd");
  EXPECT_EQ(outbox.gather({}), 0u);
}

TEST(Outbox, NewerProgressTakesTheOlderOneOutAndStandsAtTheEnd) {
  Outbox outbox;
  outbox.push(progress(1, 1, "a1 "));
  outbox.push(progress(2, 2, "b2 "));
  EXPECT_EQ(outbox.push(progress(1, 3, "a3 ")), 1u);
  EXPECT_EQ(left_in(outbox), "b2 a3 ");
  EXPECT_EQ(outbox.push(progress(1, 4, "a4 ")), 1u);
  EXPECT_EQ(left_in(outbox), "b2 a4 ");
}

TEST(Outbox, ProgressThatWasBegunIsSentToItsEnd) {
  Outbox outbox;
  outbox.push(progress(1, 1, "a1 "));
  outbox.consume(1);
  EXPECT_EQ(outbox.push(progress(1, 2, "a2 ")), 0u);
  EXPECT_EQ(outbox.push(progress(1, 3, "a3 ")), 1u);
  EXPECT_EQ(left_in(outbox), "1 a3 ");
}

TEST(Outbox, StateChangesStay) {
  Outbox outbox;
  outbox.push(activation(1, 1, "active "));
  outbox.push(progress(1, 2, "a2 "));
  outbox.push(progress(1, 3, "a3 "));
  outbox.push(terminal(1, 4, "done "));
  EXPECT_EQ(left_in(outbox), "active a3 done ");
}

TEST(Outbox, BecomingActiveReplacesOlderProgressOnly) {
  Outbox outbox;
  outbox.push(progress(1, 1, "message "));
  EXPECT_EQ(outbox.push(activation(1, 2, "active ")), 1u);
  EXPECT_EQ(outbox.push(progress(1, 3, "a3 ")), 0u);
  EXPECT_EQ(left_in(outbox), "active a3 ");
}

TEST(Outbox, FramesAboutNobodyAreNeverReplaced) {
  Outbox outbox;
  outbox.push(FrameRef("retry "));
  outbox.push(FrameRef("keepalive "));
  outbox.push(progress(1, 1, "a1 "));
  EXPECT_EQ(left_in(outbox), "retry keepalive a1 ");
}

TEST(Outbox, WhatWasSentIsReplacedNoMore) {
  Outbox outbox;
  outbox.push(progress(1, 1, "a1 "));
  outbox.push(progress(2, 2, "b2 "));
  outbox.consume(3);
  EXPECT_EQ(outbox.push(progress(1, 3, "a3 ")), 0u);
  EXPECT_EQ(left_in(outbox), "b2 a3 ");
}

TEST(Outbox, CountsTheEventsThatWereSentAndNotWhatIsNone) {
  Outbox outbox;
  outbox.push(FrameRef("keepalive"));
  outbox.push(terminal(1, 1, "ab"));
  EXPECT_EQ(outbox.consume(10), 0u);
  EXPECT_EQ(outbox.consume(1), 1u);
}

TEST(Outbox, KnowsTheLastEventThatWasSentWhole) {
  Outbox outbox;
  outbox.set_sent_through(7);
  outbox.push(terminal(1, 8, "ab"));
  outbox.push(FrameRef("keepalive"));
  outbox.push(terminal(2, 9, "cd"));
  EXPECT_EQ(outbox.sent_through(), 7u);
  outbox.consume(1);
  EXPECT_EQ(outbox.sent_through(), 7u);
  outbox.consume(1 + 9);
  EXPECT_EQ(outbox.sent_through(), 8u);
  outbox.consume(2);
  EXPECT_EQ(outbox.sent_through(), 9u);
}

TEST(OutboxDeathTest, NothingIsSentTwice) {
  Outbox outbox;
  outbox.push(FrameRef("abc"));
  EXPECT_DEATH(outbox.consume(4), "ENSURE");
}

}  // namespace
}  // namespace progressd
