#include "core/journal/state_codec.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/journal/memory.h"
#include "core/ledger.h"
#include "tests/core/journal/changes.h"

namespace progressd {
namespace {

using testing::kSomeDay;

constexpr Sequence kThrough = 1'000'000;  // later than all there is

/// Jobs and channels with a past.
class StateCodecTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Moment at = kSomeDay;
    for (int i = 0; i < 3'000; ++i) {
      ledger.commit(testing::random_change(chance, at), [](const auto&) {});
    }
    ASSERT_GT(jobs.size(), 0u);
  }

  const std::uint64_t seed = testing::test_seed();
  ::testing::ScopedTrace trace{__FILE__, __LINE__, testing::seed_note(seed)};
  testing::Chance chance{seed};
  static constexpr HistoryLimits kHistory{.events_max = 16};
  MemoryJournal journal{chance};
  JobTable jobs{JobTableLimits{}};
  ChannelTable channels{ChannelLimits{}};
  testing::RecordingSink sink;
  Hub hub{kHistory, sink};
  Ledger ledger{journal, jobs, channels, hub};
};

TEST_F(StateCodecTest, AJobComesBackAsItWas) {
  for (const auto& [sequence, job] : jobs.all()) {
    const std::string bytes = encode_job(*job, kThrough);
    auto restored = decode_job(bytes, kHistory);
    ASSERT_TRUE(restored);
    EXPECT_EQ(restored->through, kThrough);
    EXPECT_EQ(encode_job(*restored->subject, kThrough), bytes);
    const Job& again = *restored->subject;
    EXPECT_EQ(again.spec.id, job->spec.id);
    EXPECT_EQ(again.done, job->done);
    EXPECT_EQ(again.rate.per_second(), job->rate.per_second());
    EXPECT_EQ(again.topic.kept(), job->topic.kept());
    EXPECT_EQ(again.topic.last_sequence(), job->topic.last_sequence());
    EXPECT_EQ(again.topic.dropped_through(), job->topic.dropped_through());
  }
}

TEST_F(StateCodecTest, AChannelComesBackAsItWas) {
  Change post = make_change(ChangeKind::kChannelPost, "user-0", kSomeDay);
  post.value = ChannelValue{Text("{}"), "s"};
  ledger.commit(std::move(post), [](const auto&) {});
  const Channel& channel = *channels.find("user-0");
  const std::string bytes = encode_channel(channel, kThrough);
  const auto restored = decode_channel(bytes, kHistory);
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->through, kThrough);
  EXPECT_EQ(encode_channel(*restored->subject, kThrough), bytes);
  EXPECT_EQ(restored->subject->topic.history_bytes(), channel.topic.history_bytes());
  EXPECT_EQ(restored->subject->latest.status, "s");
}

TEST_F(StateCodecTest, AShorterHistoryKeepsTheLatestAndSaysWhatItLacks) {
  const Job* longest = jobs.all().begin()->second;
  for (const auto& [sequence, job] : jobs.all()) {
    if (job->topic.kept() > longest->topic.kept()) longest = job;
  }
  ASSERT_GE(longest->topic.kept(), 2u);
  const auto restored = decode_job(encode_job(*longest, kThrough), {.events_max = 1});
  ASSERT_TRUE(restored);
  const Topic& topic = restored->subject->topic;
  EXPECT_EQ(topic.kept(), 1u);
  EXPECT_EQ(topic.first_after(0)->sequence, longest->topic.last_sequence());
  EXPECT_FALSE(topic.retains_after(longest->topic.dropped_through()));
  EXPECT_TRUE(topic.retains_after(topic.dropped_through()));
}

TEST_F(StateCodecTest, WhatIsNoRowIsRefused) {
  const std::string bytes = encode_job(*jobs.all().begin()->second, kThrough);
  EXPECT_FALSE(decode_job(bytes + "x", kHistory));
  EXPECT_FALSE(decode_job(encode_job(*jobs.all().begin()->second, 0), kHistory))
      << "it tells what it is not folded through";
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_job(std::string_view(bytes).substr(0, size), kHistory)) << size;
  }
  for (int i = 0; i < 5'000; ++i) {  // whatever it says to these, it says it
    std::string spoilt = bytes;
    spoilt[chance.index(spoilt.size())] = static_cast<char>(chance.next());
    static_cast<void>(decode_job(spoilt, kHistory));
    static_cast<void>(decode_channel(spoilt, kHistory));
    static_cast<void>(decode_key(spoilt));
  }
}

TEST(StateCodec, AKeyComesBackAsItWas) {
  const KeptKey key{"ann", "k", {sha256("body"), "job", 12}, kSomeDay};
  const auto again = decode_key(encode_key(key));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->owner, "ann");
  EXPECT_EQ(again->key, "k");
  EXPECT_EQ(again->entry.body, sha256("body"));
  EXPECT_EQ(again->entry.job_id, "job");
  EXPECT_EQ(again->entry.created_sequence, 12u);
  EXPECT_EQ(again->at, kSomeDay);
}

TEST(StateCodec, AJobOfVersionOneIsOverSinceItsEnd) {
  Job job(testing::job_spec("a", Runner::kExternal), kSomeDay, 1);
  job.state = State::kFailed;
  job.finished_at = kSomeDay + 5;
  const std::string none = encode_job(job, 7);
  job.over_since = 1;
  std::string row = encode_job(job, 7);
  ASSERT_EQ(row.size(), none.size());
  // Version 1 did not have that byte.
  row.erase(std::mismatch(row.begin(), row.end(), none.begin()).first);
  row[0] = 1;
  const auto restored = decode_job(row, {.events_max = 16});
  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->subject->over_since, kSomeDay + 5);
  EXPECT_EQ(restored->subject->finished_at, kSomeDay + 5);
}

}  // namespace
}  // namespace progressd
