#include "core/base/time_text.h"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::error_of;

constexpr Millis kDayMs = 86'400'000;

TEST(Rfc3339, HasMillisecondsAndZ) {
  EXPECT_EQ(Rfc3339(0).view(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(1).view(), "1970-01-01T00:00:00.001Z");
  EXPECT_EQ(Rfc3339(testing::kSomeDay).view(), "2026-11-20T23:42:05.123Z");
}

TEST(Rfc3339, KnowsLeapDays) {
  EXPECT_EQ(Rfc3339(951'782'399'999).view(), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(Rfc3339(951'782'400'000).view(), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(4'107'542'400'000).view(), "2100-03-01T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(4'107'542'400'000 - 1).view(), "2100-02-28T23:59:59.999Z");
}

TEST(Rfc3339, ClampsToItsYears) {
  EXPECT_EQ(Rfc3339(-1).view(), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(Rfc3339(253'402'300'799'999).view(), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(Rfc3339(INT64_MAX).view(), "9999-12-31T23:59:59.999Z");
}

TEST(Rfc3339, AgreesWithTheLibraryForAnyMoment) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  for (int i = 0; i < 10'000; ++i) {
    const Millis at = chance.between(0, 253'402'300'799'999);
    const std::time_t seconds = at / 1000;
    std::tm parts{};
    ASSERT_NE(gmtime_r(&seconds, &parts), nullptr);
    char text[32];
    ASSERT_NE(std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts), 0u);
    const std::string thousandths = std::to_string(1000 + at % 1000).substr(1);
    ASSERT_EQ(Rfc3339(at).view(), std::string(text) + "." + thousandths + "Z") << at;
  }
}

TEST(ParseDuration, TakesAWholeNumberWithAUnit) {
  EXPECT_EQ(parse_duration("500ms"), 500);
  EXPECT_EQ(parse_duration("15s"), 15'000);
  EXPECT_EQ(parse_duration("5m"), 300'000);
  EXPECT_EQ(parse_duration("24h"), kDayMs);
  EXPECT_EQ(parse_duration("2d"), 2 * kDayMs);
  EXPECT_EQ(parse_duration("0"), 0);
  EXPECT_EQ(parse_duration("0s"), 0);
  EXPECT_EQ(parse_duration("1000d"), 1'000 * kDayMs);
}

TEST(ParseDuration, RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "s", "15", "-1s", "+1s", "1.5s", "1 s", " 1s", "1s ", "1S", "1sec", "1h30m", "1e3s",
        "10001d", "99999999999999999999ms", "9223372036854775807d"}) {
    EXPECT_EQ(error_of(parse_duration(text)), Errc::kInvalid) << text;
  }
}

TEST(DurationText, IsTheShortestThatReadsBack) {
  EXPECT_EQ(duration_text(0), "0");
  EXPECT_EQ(duration_text(90'000), "90s");
  EXPECT_EQ(duration_text(3'600'000), "1h");
  EXPECT_EQ(duration_text(1'500), "1500ms");
  EXPECT_EQ(duration_text(kDayMs), "1d");
  EXPECT_EQ(duration_text(kDayMs + 60'000), "1441m");
  for (const Millis length : {1LL, 999LL, 1000LL, 60'001LL, 7'200'000LL, 86'400'000'000LL}) {
    EXPECT_EQ(parse_duration(duration_text(length)), length);
  }
}

}  // namespace
}  // namespace progressd
