#include "core/jobs/idempotency.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::kSomeDay;

constexpr Millis kDayMs = 86'400'000;

IdempotencyTable::Entry entry(std::string id) { return {sha256(id), std::move(id), 1}; }

TEST(Idempotency, AKeyIsFoundForItsOwnerOnly) {
  IdempotencyTable table(10);
  table.add("ann", "k", entry("a"), kSomeDay);
  ASSERT_NE(table.find("ann", "k", kSomeDay), nullptr);
  EXPECT_EQ(table.find("ann", "k", kSomeDay)->job_id, "a");
  EXPECT_EQ(table.find("ann", "k", kSomeDay)->body, sha256("a"));
  EXPECT_EQ(table.find("bob", "k", kSomeDay), nullptr);
  EXPECT_EQ(table.find("ann", "K", kSomeDay), nullptr);
}

TEST(Idempotency, OwnersAndKeysNeverRunTogether) {
  IdempotencyTable table(10);
  table.add("a", "bc", entry("first"), kSomeDay);
  EXPECT_EQ(table.find("ab", "c", kSomeDay), nullptr);
  table.add("ab", "c", entry("second"), kSomeDay);
  table.add("1:a", "", entry("third"), kSomeDay);
  EXPECT_EQ(table.find("1", "a", kSomeDay), nullptr);
  EXPECT_EQ(table.find("a", "bc", kSomeDay)->job_id, "first");
}

TEST(Idempotency, AKeyLivesExactlyADay) {
  IdempotencyTable table(10);
  table.add("ann", "k", entry("a"), kSomeDay);
  EXPECT_NE(table.find("ann", "k", kSomeDay + kDayMs - 1), nullptr);
  EXPECT_EQ(table.find("ann", "k", kSomeDay + kDayMs), nullptr);
  table.add("ann", "k", entry("b"), kSomeDay + kDayMs);
  EXPECT_EQ(table.find("ann", "k", kSomeDay + kDayMs)->job_id, "b");
}

TEST(Idempotency, KeysAreCountedByOwner) {
  IdempotencyTable table(10);
  table.add("ann", "1", entry("a"), kSomeDay);
  table.add("ann", "2", entry("b"), kSomeDay + 1);
  table.add("3:ann", "", entry("c"), kSomeDay);
  EXPECT_EQ(table.count_of("ann"), 2u);
  EXPECT_EQ(table.count_of("3:ann"), 1u);
  EXPECT_EQ(table.count_of("bob"), 0u);
  EXPECT_EQ(table.find("bob", "1", kSomeDay + kDayMs), nullptr);
  EXPECT_EQ(table.count_of("ann"), 1u) << "the other one's day is over";
  EXPECT_EQ(table.count_of("3:ann"), 0u);
}

TEST(Idempotency, FindingAKeyDoesNotLengthenItsLife) {
  IdempotencyTable table(10);
  table.add("ann", "k", entry("a"), kSomeDay);
  EXPECT_NE(table.find("ann", "k", kSomeDay + kDayMs / 2), nullptr);
  EXPECT_EQ(table.find("ann", "k", kSomeDay + kDayMs), nullptr);
}

TEST(Idempotency, IsFullAtItsBoundUntilKeysExpire) {
  IdempotencyTable table(2);
  table.add("ann", "1", entry("a"), kSomeDay);
  EXPECT_FALSE(table.full());
  table.add("ann", "2", entry("b"), kSomeDay + 5);
  EXPECT_TRUE(table.full());
  EXPECT_EQ(table.find("ann", "3", kSomeDay + kDayMs), nullptr);
  EXPECT_FALSE(table.full());
  EXPECT_NE(table.find("ann", "2", kSomeDay + kDayMs), nullptr);
}

TEST(Idempotency, AClockThatIsSetBackKeepsNoKeyBeyondItsDay) {
  IdempotencyTable table(10);
  table.add("ann", "ahead", entry("a"), kSomeDay + 30 * kDayMs);
  table.add("ann", "k", entry("b"), kSomeDay);
  EXPECT_NE(table.find("ann", "k", kSomeDay + kDayMs - 1), nullptr);
  EXPECT_EQ(table.find("ann", "k", kSomeDay + kDayMs), nullptr);
}

}  // namespace
}  // namespace progressd
