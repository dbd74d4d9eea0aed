#include "net/access/rate_limit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/core/testing.h"

namespace progressd {
namespace {

constexpr Millis kNow = 5'000;

/// How many of `tries` at once are let through.
int taken(RateLimit& limit, std::string_view user, Millis now, int tries) {
  int count = 0;
  for (int i = 0; i < tries; ++i) count += limit.take(user, now) == 0 ? 1 : 0;
  return count;
}

TEST(RateLimit, ABurstIsOneSecondsWorth) {
  for (const int rate : {1, 3, 7, 100, 999}) {
    RateLimit limit(static_cast<std::size_t>(rate));
    EXPECT_EQ(taken(limit, "ann", kNow, 2 * rate), rate);
    EXPECT_EQ(limit.take("ann", kNow), 1) << "so many seconds to wait";
  }
}

TEST(RateLimit, RoomComesBackAtItsRate) {
  RateLimit limit(100);
  EXPECT_EQ(taken(limit, "ann", kNow, 200), 100);
  EXPECT_EQ(taken(limit, "ann", kNow + 9, 200), 0);
  EXPECT_EQ(taken(limit, "ann", kNow + 10, 200), 1);
  EXPECT_EQ(taken(limit, "ann", kNow + 260, 200), 25);
  EXPECT_EQ(taken(limit, "ann", kNow + 100'000, 200), 100) << "never more than a burst";
}

TEST(RateLimit, AnotherRateHoldsAtOnce) {
  RateLimit limit(1);
  EXPECT_EQ(taken(limit, "ann", kNow, 5), 1);
  limit.use_rate(100);
  EXPECT_EQ(taken(limit, "bob", kNow, 200), 100);
  limit.use_rate(0);
  EXPECT_EQ(taken(limit, "ann", kNow, 200), 200);
  limit.use_rate(2);
  EXPECT_EQ(taken(limit, "eve", kNow, 5), 2);
}

TEST(RateLimit, WhoKeepsAskingIsNotPunishedForIt) {
  RateLimit limit(10);
  int count = 0;
  for (Millis at = 0; at < 10'000; ++at) count += taken(limit, "ann", kNow + at, 1);
  EXPECT_EQ(count, 10 + 99);  // the burst, then one each 100 ms
}

TEST(RateLimit, UsersDontShare) {
  RateLimit limit(2);
  EXPECT_EQ(taken(limit, "ann", kNow, 5), 2);
  EXPECT_EQ(taken(limit, "bob", kNow, 5), 2);
}

TEST(RateLimit, WithoutARateThereIsNoLimit) {
  RateLimit limit(0);
  EXPECT_EQ(taken(limit, "ann", kNow, 10'000), 10'000);
  EXPECT_EQ(limit.users(), 0U);
}

TEST(RateLimit, FullBucketsAreForgotten) {
  RateLimit limit(10);
  for (int i = 0; i < 1'000; ++i) limit.take("user " + std::to_string(i), kNow);
  EXPECT_EQ(limit.users(), 1'000U);
  limit.take("ann", kNow + 99);
  EXPECT_EQ(limit.users(), 1'001U);
  limit.take("bob", kNow + 100);
  EXPECT_EQ(limit.users(), 2U);
}

TEST(RateLimit, UsersAreBoundedAndTheOldestGoesFirst) {
  RateLimit limit(1, /*users_max=*/2);
  EXPECT_EQ(taken(limit, "ann", kNow, 2), 1);
  EXPECT_EQ(taken(limit, "bob", kNow, 2), 1);
  EXPECT_EQ(taken(limit, "eve", kNow, 2), 1);
  EXPECT_EQ(limit.users(), 2U);
  EXPECT_EQ(taken(limit, "bob", kNow, 1), 0);
  EXPECT_EQ(taken(limit, "ann", kNow, 1), 1);
}

TEST(RateLimit, WhatIsTakenAtOnceIsWaitedForAfterwards) {
  RateLimit limit(10);
  EXPECT_EQ(limit.take("ann", kNow, 9), 0);
  EXPECT_EQ(limit.take("ann", kNow, 25), 0) << "there is room for one, so there is for more";
  EXPECT_EQ(limit.take("ann", kNow), 3) << "34 of 10 per second: 2.4 s until there is room again";
  EXPECT_EQ(limit.take("ann", kNow + 2'499), 1);
  EXPECT_EQ(limit.take("ann", kNow + 2'500), 0);
  EXPECT_EQ(limit.take("bob", kNow, 10), 0);
  EXPECT_EQ(limit.take("bob", kNow), 1);
}

TEST(RateLimit, LetsThroughWhatABucketOfTokensWould) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  constexpr std::int64_t kRate = 50;
  constexpr Millis kTokenMs = 1'000 / kRate;
  struct Bucket {
    Millis level_ms = 1'000;  // of tokens, each as long as it takes to come
    Millis at = kNow;
  };
  std::array<Bucket, 3> buckets;
  RateLimit limit(kRate);
  Millis now = kNow;
  for (int i = 0; i < 20'000; ++i) {
    now += chance.one_in(4) ? chance.between(0, 60) : 0;
    const std::size_t user = chance.index(buckets.size());
    Bucket& bucket = buckets[user];
    bucket.level_ms = std::min<Millis>(1'000, bucket.level_ms + now - bucket.at);
    bucket.at = now;
    const bool has_token = bucket.level_ms >= kTokenMs;
    if (has_token) bucket.level_ms -= kTokenMs;
    ASSERT_EQ(limit.take(std::to_string(user), now), has_token ? 0 : 1) << i;
  }
}

}  // namespace
}  // namespace progressd
