#include "core/channels/channel_table.h"

#include <gtest/gtest.h>

#include "core/journal/memory.h"
#include "core/ledger.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::kSomeDay;
using Sequences = std::vector<Sequence>;

/// As a seed system's dialect: the object, nothing else.
class ValueDialect final : public Dialect {
 public:
  bool encode(const Subject&, const Event& event, std::string& out) const override {
    append_sse("", "", event.message.view(), out);
    return true;
  }
};

class ChannelTableTest : public ::testing::Test {
 protected:
  static ChannelLimits small() { return {.channels_max = 3}; }

  Outcome commit(Change change) {
    Outcome out;
    ledger.commit(std::move(change), [&](std::span<const Outcome> outcomes) { out = outcomes[0]; });
    return out;
  }
  Outcome post(std::string user, std::string_view json, std::string status = "") {
    Change change = make_change(ChangeKind::kChannelPost, std::move(user), at);
    change.value = ChannelValue{Text(json), std::move(status)};
    return commit(std::move(change));
  }
  void clear(std::string user) {
    commit(make_change(ChangeKind::kChannelClear, std::move(user), at));
  }
  void forget(std::string user, Millis posted_by) {
    commit(make_change(ChangeKind::kChannelForget, std::move(user), posted_by));
  }
  void follow(SubscriberId id, std::string_view user) {
    hub.subscribe(id, testing::all_of(group_of_channel(user)), {&dialect, Framing::kUntilClose}, 0);
  }
  std::string got(SubscriberId id) {
    hub.flush();
    return std::exchange(sink.bytes[id], {});
  }
  std::string latest(std::string_view user) {
    const Channel* channel = channels.find(user);
    return channel == nullptr ? "none" : std::string(channel->latest.json.view());
  }
  Sequences kept_after(std::string_view user, Sequence after) {
    Sequences kept;
    channels.find(user)->topic.replay_after(
        after, [&](const Event& event) { kept.push_back(event.sequence); });
    return kept;
  }

  testing::Chance chance{1};
  MemoryJournal journal{chance};
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{small()};
  testing::RecordingSink sink;
  ValueDialect dialect;
  Hub hub{{.events_max = 4, .bytes_max = 100}, sink};
  Ledger ledger{journal, jobs, channels, hub};
  Millis at = kSomeDay;
};

TEST_F(ChannelTableTest, TheLatestObjectIsThere) {
  EXPECT_EQ(latest("ann"), "none");
  EXPECT_FALSE(post("ann", "{\"n\":1}").error);
  EXPECT_FALSE(post("ann", "{\"n\":2}").error);
  post("bob", "{}");
  EXPECT_EQ(latest("ann"), "{\"n\":2}");
  EXPECT_EQ(latest("bob"), "{}");
  EXPECT_EQ(channels.size(), 2u);
}

TEST_F(ChannelTableTest, ReadersGetWhatIsPostedToTheirsWhetherTheyCameBeforeItOrAfter) {
  follow(0, "ann");
  post("ann", "{\"n\":1}");
  follow(1, "ann");
  follow(2, "bob");
  post("ann", "{\"n\":2}");
  EXPECT_EQ(got(0), "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n");
  EXPECT_EQ(got(1), "data: {\"n\":2}\n\n");
  EXPECT_EQ(got(2), "");
  EXPECT_EQ(hub.topic_names(0), std::vector<std::string>{"channel:ann"});
}

TEST_F(ChannelTableTest, OnlyAChangeOfStatusIsAChangeOfState) {
  std::vector<bool> changes;
  const auto posted = [&](std::string status) {
    post("ann", "{}", std::move(status));
    channels.find("ann")->topic.replay_after(ledger.last_sequence() - 1, [&](const Event& event) {
      changes.push_back(event.state_changed);
      EXPECT_EQ(event.conflatable(), !event.state_changed);
    });
  };
  for (const char* status : {"\"on", "\"on", "\"off", "\"off", "", "", "\"on"}) posted(status);
  EXPECT_EQ(changes, (std::vector<bool>{true, false, true, false, true, false, true}));
}

TEST_F(ChannelTableTest, TheHistoryIsBoundedInEvents) {
  for (int i = 0; i < 6; ++i) post("ann", "{}");
  EXPECT_EQ(kept_after("ann", 0), (Sequences{3, 4, 5, 6}));
  EXPECT_FALSE(channels.find("ann")->topic.retains_after(1));
  EXPECT_TRUE(channels.find("ann")->topic.retains_after(2));
}

TEST_F(ChannelTableTest, TheHistoryIsBoundedInBytes) {
  post("ann", std::string(40, '1'));
  post("ann", std::string(40, '2'));
  EXPECT_EQ(kept_after("ann", 0), (Sequences{1, 2}));
  post("ann", std::string(21, '3'));
  EXPECT_EQ(kept_after("ann", 0), (Sequences{2, 3}));
  post("ann", std::string(39, '4'));
  EXPECT_EQ(kept_after("ann", 0), (Sequences{2, 3, 4}));
  EXPECT_EQ(channels.find("ann")->topic.history_bytes(), 100u);
  // One that is larger than all that may be kept is still there for who comes late.
  post("ann", std::string(101, '5'));
  EXPECT_EQ(kept_after("ann", 0), (Sequences{5}));
  EXPECT_EQ(latest("ann"), std::string(101, '5'));
  post("ann", "{}");
  EXPECT_EQ(kept_after("ann", 0), (Sequences{6}));
  EXPECT_EQ(channels.find("ann")->topic.history_bytes(), 2u);
}

TEST_F(ChannelTableTest, ManyPostsKeepTheCountOfBytesRight) {
  for (std::size_t i = 0; i < 1000; ++i) {
    post("ann", std::string(1 + i * 7 % 60, 'x'));
    std::size_t bytes = 0;
    channels.find("ann")->topic.replay_after(
        0, [&](const Event& event) { bytes += event.message.view().size(); });
    ASSERT_EQ(channels.find("ann")->topic.history_bytes(), bytes);
    ASSERT_LE(bytes, 100u);
  }
}

TEST_F(ChannelTableTest, ClearingForgetsTheObjectAndTellsNobody) {
  follow(0, "ann");
  post("ann", "{\"n\":1}");
  got(0);
  clear("ann");
  EXPECT_EQ(latest("ann"), "none");
  EXPECT_EQ(got(0), "");
  EXPECT_FALSE(sink.ended[0]);
  clear("ann");  // twice is once
  post("ann", "{\"n\":2}");
  EXPECT_EQ(got(0), "data: {\"n\":2}\n\n");
}

TEST_F(ChannelTableTest, WhoSawTheLastObjectBeforeAClearingMissesNothingAfterIt) {
  post("ann", "{\"n\":1}");
  clear("ann");
  post("ann", "{\"n\":2}");
  post("ann", "{\"n\":3}");
  EXPECT_TRUE(channels.find("ann")->topic.retains_after(1));
  EXPECT_EQ(kept_after("ann", 1), (Sequences{3, 4}));
}

TEST_F(ChannelTableTest, IsForgottenUnlessSomebodyPostedSince) {
  follow(0, "ann");
  post("ann", "{\"n\":1}");
  at += 10;
  forget("ann", kSomeDay - 1);
  EXPECT_EQ(latest("ann"), "{\"n\":1}");
  forget("ann", kSomeDay);
  EXPECT_EQ(latest("ann"), "none");
  forget("ann", kSomeDay);
  post("ann", "{\"n\":2}");
  EXPECT_EQ(got(0), "data: {\"n\":1}\n\ndata: {\"n\":2}\n\n");
}

TEST_F(ChannelTableTest, MoreChannelsThanTheLimitAreRefusedAndOldOnesGoOn) {
  for (const char* user : {"a", "b", "c"}) EXPECT_FALSE(post(user, "{}").error);
  EXPECT_EQ(error_of(post("d", "{}")), Errc::kOverloaded);
  EXPECT_EQ(latest("d"), "none");
  EXPECT_FALSE(post("a", "{\"n\":2}").error);
  clear("b");
  EXPECT_FALSE(post("d", "{}").error);
}

TEST_F(ChannelTableTest, ReadersAreCountedByUser) {
  follow(0, "ann");
  follow(1, "ann");
  follow(2, "bob");
  post("carl", "{}");
  EXPECT_EQ(hub.readers_of_groups(kChannelGroupPrefix),
            (std::map<std::string, std::size_t>{{"ann", 2}, {"bob", 1}}));
  hub.unsubscribe(2);
  EXPECT_EQ(hub.readers_of_groups(kChannelGroupPrefix),
            (std::map<std::string, std::size_t>{{"ann", 2}}));
}

TEST_F(ChannelTableTest, TheOldestIsTheOneNotPostedToForLongestToASecond) {
  const auto second = [&](Millis number, std::initializer_list<const char*> users) {
    at = kSomeDay - kSomeDay % 1'000 + number * 1'000;
    for (const char* user : users) post(user, "{}"), at += 100;
  };
  const auto oldest = [&] { return channels.oldest()->user; };
  EXPECT_EQ(channels.oldest(), nullptr);
  second(0, {"ann", "bob", "eve"});
  EXPECT_EQ(oldest(), "ann");
  second(1, {"ann", "bob"});
  EXPECT_EQ(oldest(), "eve");
  second(2, {"eve", "ann", "eve"});
  EXPECT_EQ(oldest(), "bob");
  EXPECT_EQ(channels.find("eve")->posted_at, at - 100);
  second(3, {"bob"});
  EXPECT_NE(oldest(), "bob");
  EXPECT_EQ(channels.by_age().back()->user, "bob");
  clear(oldest());
  clear(oldest());
  EXPECT_EQ(oldest(), "bob");
}

}  // namespace
}  // namespace progressd
