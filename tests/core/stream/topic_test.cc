#include "core/stream/topic.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::event_of;
using testing::NamedTopic;

std::vector<Sequence> replayed(const Topic& topic, Sequence after) {
  std::vector<Sequence> sequences;
  topic.replay_after(after, [&](const Event& event) { sequences.push_back(event.sequence); });
  return sequences;
}

TEST(Topic, IsEmptyAndRetainsEverythingAtFirst) {
  const NamedTopic topic(1, "t");
  EXPECT_EQ(topic.topic.last_sequence(), 0u);
  EXPECT_TRUE(topic.topic.retains_after(0));
  EXPECT_TRUE(replayed(topic.topic, 0).empty());
}

TEST(Topic, ReplaysWhatCameAfterAnIdWhetherItsOwnOrNot) {
  NamedTopic topic(1, "t");
  for (const Sequence sequence : {10U, 20U, 30U})
    topic.topic.append(event_of(sequence), {.events_max = 256});
  EXPECT_EQ(replayed(topic.topic, 0), (std::vector<Sequence>{10, 20, 30}));
  EXPECT_EQ(replayed(topic.topic, 10), (std::vector<Sequence>{20, 30}));
  EXPECT_EQ(replayed(topic.topic, 15), (std::vector<Sequence>{20, 30}));
  EXPECT_EQ(replayed(topic.topic, 30), std::vector<Sequence>{});
  EXPECT_EQ(replayed(topic.topic, 99), std::vector<Sequence>{});
  EXPECT_EQ(topic.topic.last_sequence(), 30u);
}

TEST(Topic, KeepsTheLatestEventsUpToItsBound) {
  NamedTopic topic(1, "t");
  for (Sequence sequence = 1; sequence <= 256; ++sequence) {
    topic.topic.append(event_of(sequence), {.events_max = 256});
  }
  EXPECT_TRUE(topic.topic.retains_after(0));
  EXPECT_EQ(replayed(topic.topic, 0).size(), 256u);
  topic.topic.append(event_of(257), {.events_max = 256});
  EXPECT_FALSE(topic.topic.retains_after(0));
  EXPECT_TRUE(topic.topic.retains_after(1));
  EXPECT_EQ(replayed(topic.topic, 0).size(), 256u);
  EXPECT_EQ(replayed(topic.topic, 0).front(), 2u);
}

TEST(Topic, GoesByALimitThatChangesWithTheNextEvent) {
  NamedTopic topic(1, "t");
  Sequence last = 0;
  const auto append = [&](int events, std::size_t events_max) {
    for (int i = 0; i < events; ++i)
      topic.topic.append(event_of(++last), {.events_max = events_max});
  };
  append(10, 8);
  append(1, 3);
  EXPECT_EQ(replayed(topic.topic, 8), (std::vector<Sequence>{9, 10, 11}));
  EXPECT_TRUE(topic.topic.retains_after(8));
  EXPECT_FALSE(topic.topic.retains_after(7));
  append(20, 16);
  EXPECT_EQ(replayed(topic.topic, 15).size(), 16u);
  EXPECT_TRUE(topic.topic.retains_after(15));
  append(1, 0);
  EXPECT_EQ(topic.topic.kept(), 0u);
  EXPECT_FALSE(topic.topic.retains_after(last - 1));
  append(2, 4);
  EXPECT_EQ(replayed(topic.topic, last - 2), (std::vector<Sequence>{last - 1, last}));
}

TEST(Topic, KeepsOnlySoManyBytesOfTexts) {
  NamedTopic topic(1, "t");
  const HistoryLimits limits{.events_max = 256, .bytes_max = 100};
  const auto append = [&](Sequence sequence, std::size_t bytes) {
    Event event = event_of(sequence);
    event.message = Text(std::string(bytes, 'm'));
    topic.topic.append(event, limits);
  };
  append(1, 40);
  append(2, 60);
  EXPECT_EQ(replayed(topic.topic, 0), (std::vector<Sequence>{1, 2}));
  append(3, 1);
  EXPECT_EQ(replayed(topic.topic, 0), (std::vector<Sequence>{2, 3}));
  EXPECT_EQ(topic.topic.history_bytes(), 61u);
  EXPECT_FALSE(topic.topic.retains_after(0));
  EXPECT_TRUE(topic.topic.retains_after(1));
  append(4, 101);  // the latest is kept whatever it takes
  EXPECT_EQ(replayed(topic.topic, 0), (std::vector<Sequence>{4}));
  topic.topic.append(event_of(5), limits);  // without a text
  EXPECT_EQ(replayed(topic.topic, 0), (std::vector<Sequence>{5}));
  EXPECT_EQ(topic.topic.history_bytes(), 0u);
}

TEST(Topic, ATextThatEventsInARowShareCountsOnce) {
  NamedTopic topic(1, "t");
  const Text shared(std::string(40, 'm'));
  Sequence last = 0;
  const auto append = [&](const Text& message, std::size_t events_max = 4) {
    Event event = event_of(++last);
    event.message = message;
    topic.topic.append(event, {.events_max = events_max});
  };
  for (int i = 0; i < 3; ++i) append(shared);
  EXPECT_EQ(topic.topic.history_bytes(), 40u);
  append(Text(std::string(7, 'n')));
  append(shared);
  EXPECT_EQ(topic.topic.history_bytes(), 87u) << "two of three, the other text, and it again";
  append(Text());
  append(Text());
  EXPECT_EQ(topic.topic.history_bytes(), 47u);
  append(Text());
  EXPECT_EQ(topic.topic.history_bytes(), 40u);
  append(Text());
  EXPECT_EQ(topic.topic.history_bytes(), 0u);
  for (int i = 0; i < 9; ++i) append(shared, 1);
  EXPECT_EQ(topic.topic.history_bytes(), 40u);
  append(Text(), 1);
  EXPECT_EQ(topic.topic.history_bytes(), 0u);
}

TEST(Topic, AnIdBetweenDroppedAndKeptEventsIsRetained) {
  NamedTopic topic(1, "t");
  for (const Sequence sequence : {10U, 20U, 30U})
    topic.topic.append(event_of(sequence), {.events_max = 2});
  EXPECT_FALSE(topic.topic.retains_after(9));
  EXPECT_TRUE(topic.topic.retains_after(10));
  EXPECT_TRUE(topic.topic.retains_after(15));
  EXPECT_EQ(replayed(topic.topic, 15), (std::vector<Sequence>{20, 30}));
}

TEST(Topic, KnowsTheLastEventUpToAnIdOrElseTheFirstAfterIt) {
  NamedTopic topic(1, "t");
  EXPECT_EQ(topic.topic.kept_around(5), nullptr);
  for (const Sequence sequence : {10U, 20U, 30U})
    topic.topic.append(event_of(sequence), {.events_max = 2});
  EXPECT_EQ(topic.topic.kept_around(0)->sequence, 20u);
  EXPECT_EQ(topic.topic.kept_around(20)->sequence, 20u);
  EXPECT_EQ(topic.topic.kept_around(29)->sequence, 20u);
  EXPECT_EQ(topic.topic.kept_around(99)->sequence, 30u);
}

TEST(Topic, KeepsItsOrderWhereverTheRingWraps) {
  for (const std::size_t history : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 100U}) {
    NamedTopic topic(1, "t");
    for (Sequence sequence = 1; sequence <= 50; ++sequence) {
      topic.topic.append(event_of(2 * sequence), {.events_max = history});
      const std::vector<Sequence> kept = replayed(topic.topic, 0);
      ASSERT_EQ(kept.size(), std::min<std::size_t>(sequence, history));
      for (std::size_t i = 0; i < kept.size(); ++i) {
        ASSERT_EQ(kept[i], 2 * (sequence - kept.size() + i + 1));
      }
    }
  }
}

TEST(Topic, WithoutHistoryRetainsNothingButTheLatest) {
  NamedTopic topic(1, "t");
  topic.topic.append(event_of(5), {.events_max = 0});
  EXPECT_FALSE(topic.topic.retains_after(4));
  EXPECT_TRUE(topic.topic.retains_after(5));
  EXPECT_TRUE(replayed(topic.topic, 0).empty());
  EXPECT_EQ(topic.topic.last_sequence(), 5u);
}

TEST(TopicDeathTest, OrderIsNotNegotiable) {
  NamedTopic topic(1, "t");
  topic.topic.append(event_of(5), {.events_max = 4});
  EXPECT_DEATH(topic.topic.append(event_of(5), {.events_max = 4}), "ENSURE");
}

}  // namespace
}  // namespace progressd
