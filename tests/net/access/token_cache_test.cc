#include "net/access/token_cache.h"

#include <gtest/gtest.h>

#include <string>

namespace progressd {
namespace {

constexpr std::int64_t kNow = 1'795'218'125;

Digest token(int number) { return sha256(std::to_string(number)); }
Caller caller(std::string user) {
  Caller named;
  named.user = std::move(user);
  return named;
}

TEST(TokenCache, KnowsWhatItWasToldForAMinute) {
  TokenCache cache;
  EXPECT_EQ(cache.find(token(1), kNow), nullptr);
  cache.remember(token(1), caller("ann"), kNow);
  ASSERT_NE(cache.find(token(1), kNow), nullptr);
  EXPECT_EQ(cache.find(token(1), kNow + TokenCache::kKeptSeconds - 1)->user, "ann");
  EXPECT_EQ(cache.find(token(2), kNow), nullptr);
  EXPECT_EQ(cache.find(token(1), kNow + TokenCache::kKeptSeconds), nullptr);
  EXPECT_EQ(cache.size(), 0U);
}

TEST(TokenCache, AtItsBoundForgetsTheOldest) {
  TokenCache cache(/*tokens_max=*/3);
  for (int i = 0; i < 10; ++i) cache.remember(token(i), caller(std::to_string(i)), kNow);
  EXPECT_EQ(cache.size(), 3U);
  EXPECT_EQ(cache.find(token(6), kNow), nullptr);
  for (int i = 7; i < 10; ++i) EXPECT_EQ(cache.find(token(i), kNow)->user, std::to_string(i));
}

TEST(TokenCache, AClockThatIsSetBackForgetsWhatItDoubts) {
  TokenCache cache;
  cache.remember(token(1), caller("ann"), kNow);
  EXPECT_EQ(cache.find(token(1), kNow - 1), nullptr);
}

TEST(TokenCache, RemembersOnceHoweverOftenItIsTold) {
  TokenCache cache(/*tokens_max=*/2);
  for (int i = 0; i < 5; ++i) cache.remember(token(1), caller("ann"), kNow);
  cache.remember(token(2), caller("bob"), kNow);
  EXPECT_NE(cache.find(token(1), kNow), nullptr);
  cache.clear();
  EXPECT_EQ(cache.find(token(1), kNow), nullptr);
  EXPECT_EQ(cache.find(token(2), kNow), nullptr);
}

}  // namespace
}  // namespace progressd
