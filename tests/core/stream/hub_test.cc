#include "core/stream/hub.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::event_of;
using testing::NamedTopic;
using Sequences = std::vector<Sequence>;

class HubTest : public ::testing::Test {
 protected:
  void publish(NamedTopic& topic, EventType type = EventType::kProgress) {
    hub.publish(topic.topic, event_of(++sequence, type));
  }
  void follow(SubscriberId id, NamedTopic& topic) {
    hub.subscribe(id, testing::only(topic.topic), chunked, sequence);
  }
  void follow_list(SubscriberId id, std::vector<Topic*> topics) {
    hub.subscribe(id, testing::list_of(std::move(topics)), chunked, sequence);
  }
  void follow_group(SubscriberId id, std::string group, std::string also = "") {
    hub.subscribe(id, testing::all_of(std::move(group), std::move(also)), chunked, sequence);
  }
  Sequences got(SubscriberId id) {
    hub.flush();
    return sink.events[id];
  }

  testing::PlainDialect dialect;
  const Encoding chunked{&dialect, Framing::kChunked};
  const Encoding bare{&dialect, Framing::kUntilClose};
  NamedTopic a{1, "job:a"};
  NamedTopic b{2, "job:b"};
  NamedTopic c{3, "job:c"};
  testing::RecordingSink sink;
  Sequence sequence = 0;
  Hub hub{HistoryLimits{}, sink};
};

TEST_F(HubTest, AReaderGetsItsTopicFromItsSubscriptionOn) {
  publish(a);
  follow(0, a);
  publish(a);
  publish(b);
  publish(a);
  EXPECT_EQ(got(0), (Sequences{2, 4}));
  EXPECT_EQ(hub.events_published(), 4u);
}

TEST_F(HubTest, PublishingWritesNothingUntilTheFlush) {
  follow(0, a);
  publish(a);
  publish(a);
  EXPECT_EQ(sink.deliveries, 0);
  EXPECT_EQ(got(0), (Sequences{1, 2}));
  EXPECT_EQ(sink.deliveries, 1);
  hub.flush();
  EXPECT_EQ(sink.deliveries, 1);
}

TEST_F(HubTest, ABurstIsHandedOnBeforeTheTurnEnds) {
  follow(0, a);
  for (int i = 0; i < 1000; ++i) publish(a);
  EXPECT_GT(sink.deliveries, 1);
  const Sequences all = got(0);
  ASSERT_EQ(all.size(), 1000u);
  for (Sequence i = 0; i < 1000; ++i) ASSERT_EQ(all[i], i + 1);
}

TEST_F(HubTest, AnEventIsEncodedOnceForAllItsReaders) {
  for (SubscriberId id = 0; id < 100; ++id) follow(id, a);
  publish(a);
  hub.flush();
  EXPECT_EQ(dialect.encoded, 1);
  EXPECT_EQ(sink.deliveries, 1);
  EXPECT_EQ(sink.bytes[99], sink.bytes[0]);
}

TEST_F(HubTest, AnEventNobodyReadsIsNotEncoded) {
  publish(a);
  hub.flush();
  EXPECT_EQ(dialect.encoded, 0);
  EXPECT_EQ(a.topic.last_sequence(), 1u);
}

TEST_F(HubTest, EachEncodingHasItsOwnBytes) {
  follow(0, a);
  hub.subscribe(1, testing::only(a.topic), bare, 0);
  publish(a);
  hub.flush();
  EXPECT_EQ(sink.bytes[1], "id: 1\ndata: \"job:a\"\n\n");
  EXPECT_EQ(sink.bytes[0], "15\r\n" + sink.bytes[1] + "\r\n");
}

TEST_F(HubTest, AReaderWhoComesWithinATurnDoesNotGetWhatWasPublishedBefore) {
  follow(0, a);
  publish(a);
  follow(1, a);
  publish(a);
  EXPECT_EQ(got(0), (Sequences{1, 2}));
  EXPECT_EQ(got(1), (Sequences{2}));
}

TEST_F(HubTest, AOneTopicStreamEndsWithItsTopic) {
  follow(0, a);
  publish(a);
  publish(a, EventType::kCompleted);
  publish(a, EventType::kRemoved);
  EXPECT_EQ(got(0), (Sequences{1, 2}));
  EXPECT_TRUE(sink.ended[0]);
  hub.unsubscribe(0);
}

TEST_F(HubTest, WhoComesToAnEndedTopicIsNotGivenTheOldReadersFeed) {
  follow(0, a);
  publish(a, EventType::kFailed);
  follow(1, a);
  EXPECT_EQ(got(0), (Sequences{1}));
  EXPECT_EQ(got(1), Sequences{});
  EXPECT_FALSE(sink.ended[1]);
}

TEST_F(HubTest, AListStaysOpenAndKeepsTheOrderOfAll) {
  follow_list(0, {&a.topic, &b.topic});
  publish(b);
  publish(a);
  publish(c);
  publish(a, EventType::kCancelled);
  publish(a, EventType::kRemoved);
  hub.remove(a.topic);
  publish(b);
  EXPECT_EQ(got(0), (Sequences{1, 2, 4, 5, 6}));
  EXPECT_FALSE(sink.ended[0]);
}

TEST_F(HubTest, AListOfOneStaysOpenToo) {
  follow(0, a);
  follow_list(1, {&a.topic});
  publish(a, EventType::kCompleted);
  publish(a, EventType::kRemoved);
  EXPECT_EQ(got(0), (Sequences{1}));
  EXPECT_EQ(got(1), (Sequences{1, 2}));
  EXPECT_FALSE(sink.ended[1]);
}

TEST_F(HubTest, AGroupHasItsPresentAndFutureTopics) {
  hub.join(a.topic, "owner:ann");
  follow_group(0, "owner:ann");
  publish(a);
  publish(b);
  hub.join(b.topic, "owner:ann");
  publish(b);
  publish(a, EventType::kCompleted);
  EXPECT_EQ(got(0), (Sequences{1, 3, 4}));
  EXPECT_FALSE(sink.ended[0]);
}

TEST_F(HubTest, AGroupMayBeReadBeforeItHasATopic) {
  follow_group(0, "kind:media");
  hub.join(a.topic, "kind:media");
  publish(a);
  EXPECT_EQ(got(0), (Sequences{1}));
}

TEST_F(HubTest, TwoGroupsCombineToWhatIsInBoth) {
  follow_group(0, "owner:ann", "kind:media");
  follow_group(1, "owner:ann");
  hub.join(a.topic, "owner:ann");
  hub.join(b.topic, "owner:ann");
  hub.join(b.topic, "kind:media");
  hub.join(c.topic, "kind:media");
  publish(a);
  publish(b);
  publish(c);
  EXPECT_EQ(got(0), (Sequences{2}));
  EXPECT_EQ(got(1), (Sequences{1, 2}));
}

TEST_F(HubTest, ATopicInSeveralGroupsReachesAReaderOnce) {
  for (const char* name : {"all", "owner:ann", "kind:media"}) hub.join(a.topic, name);
  follow_group(0, "all");
  follow_group(1, "owner:ann", "all");
  follow(2, a);
  publish(a);
  for (SubscriberId id = 0; id < 3; ++id) EXPECT_EQ(got(id), (Sequences{1}));
}

TEST_F(HubTest, ARemovedTopicLeavesItsGroups) {
  hub.join(a.topic, "all");
  follow_group(0, "all");
  hub.remove(a.topic);
  publish(a);
  EXPECT_EQ(got(0), Sequences{});
  EXPECT_EQ(a.topic.last_sequence(), 1u);  // its history is its own
  hub.join(b.topic, "all");
  publish(b);
  EXPECT_EQ(got(0), (Sequences{2}));
}

TEST_F(HubTest, WhoLeavesGetsNothingMoreAndTheOthersDo) {
  for (SubscriberId id = 0; id < 5; ++id) follow(id, a);
  publish(a);
  hub.flush();
  hub.unsubscribe(1);
  hub.unsubscribe(4);
  publish(a);
  for (const SubscriberId id : {0u, 2u, 3u}) EXPECT_EQ(got(id), (Sequences{1, 2})) << id;
  for (const SubscriberId id : {1u, 4u}) EXPECT_EQ(got(id), (Sequences{1})) << id;
}

TEST_F(HubTest, LeavingWithEventsQueuedIsHarmless) {
  follow(0, a);
  follow_group(1, "all");
  hub.join(a.topic, "all");
  publish(a);
  hub.unsubscribe(0);
  hub.unsubscribe(1);
  hub.flush();
  EXPECT_EQ(sink.deliveries, 0);
  follow(0, a);
  publish(a);
  EXPECT_EQ(got(0), (Sequences{2}));
}

TEST_F(HubTest, TellsOperatorsWhatIsRead) {
  hub.join(a.topic, "all");
  follow(0, a);
  follow_list(1, {&a.topic, &b.topic});
  follow_group(2, "all", "kind:media");
  EXPECT_EQ(hub.topic_names(0), (std::vector<std::string>{"job:a"}));
  EXPECT_EQ(hub.topic_names(1), (std::vector<std::string>{"job:a", "job:b"}));
  EXPECT_EQ(hub.topic_names(2), (std::vector<std::string>{"all&kind:media"}));
  publish(a);
  EXPECT_EQ(hub.handed_through(0), 1u);
}

}  // namespace
}  // namespace progressd
