// Why: a gap that is not noticed, or a number that is read wrong, would make every result
// worthless.
#include <gtest/gtest.h>

#include <limits>

#include "field_scan.h"
#include "histogram.h"
#include "order_check.h"
#include "text_template.h"
#include "units.h"

namespace sseload {
namespace {

TEST(OrderCheck, SplitsIds) {
  EXPECT_EQ(split_event_id("42").number, 42u);
  EXPECT_EQ(split_event_id("e7-1f-42").prefix, "e7-1f");
  EXPECT_EQ(split_event_id("e7-1f-42").number, 42u);
  EXPECT_FALSE(split_event_id("e7-").is_comparable);
  EXPECT_FALSE(split_event_id("abc").is_comparable);
  EXPECT_FALSE(split_event_id("").is_comparable);
}

TEST(OrderCheck, IdsMustRiseWithinOnePrefix) {
  PrefixTable prefixes;
  const auto a = prefixes.number_of("a", PrefixTable::kNone);
  const auto b = prefixes.number_of("b", a);
  EXPECT_NE(a, b);
  EXPECT_EQ(prefixes.number_of("a", b), a);
  IdState state;
  bool is_new = false;
  EXPECT_EQ(check_id(state, a, 5, is_new), Verdict::kInOrder);
  EXPECT_FALSE(is_new);
  EXPECT_EQ(check_id(state, a, 9, is_new), Verdict::kInOrder);
  EXPECT_EQ(check_id(state, a, 9, is_new), Verdict::kDuplicate);
  EXPECT_EQ(check_id(state, a, 8, is_new), Verdict::kReordered);
  EXPECT_EQ(check_id(state, b, 1, is_new), Verdict::kInOrder);
  EXPECT_TRUE(is_new);
}

TEST(OrderCheck, ExactStepsFindGapsDuplicatesAndReordering) {
  const SeqRule rule{.step = 1, .has_first = true, .first = 1};
  SeqState state;
  std::uint64_t missing = 0;
  EXPECT_EQ(check_seq(state, 1, rule, missing), Verdict::kInOrder);
  EXPECT_EQ(check_seq(state, 2, rule, missing), Verdict::kInOrder);
  EXPECT_EQ(check_seq(state, 2, rule, missing), Verdict::kDuplicate);
  EXPECT_EQ(check_seq(state, 6, rule, missing), Verdict::kGap);
  EXPECT_EQ(missing, 3u);
  EXPECT_EQ(check_seq(state, 5, rule, missing), Verdict::kReordered);
  EXPECT_EQ(check_seq(state, 7, rule, missing), Verdict::kInOrder);
}

TEST(OrderCheck, AMissingFirstEventIsAGap) {
  SeqState state;
  std::uint64_t missing = 0;
  EXPECT_EQ(check_seq(state, 4, {.step = 1, .has_first = true, .first = 1}, missing),
            Verdict::kGap);
  EXPECT_EQ(missing, 3u);
}

TEST(OrderCheck, WithoutAStepANumberMayStandOrJump) {
  SeqState state;
  std::uint64_t missing = 0;
  for (const std::int64_t number : {3, 3, 90}) {
    EXPECT_EQ(check_seq(state, number, SeqRule{}, missing), Verdict::kInOrder);
  }
  EXPECT_EQ(check_seq(state, 89, SeqRule{}, missing), Verdict::kReordered);
}

TEST(FieldScan, FindsNumbersStringsAndNestedJson) {
  const FieldScan scan("seq");
  EXPECT_EQ(scan.find(R"({"a":"seq","seq": 12,"seqs":3})"), 12);
  EXPECT_EQ(scan.find(R"({"seq":"-34"})"), -34);
  EXPECT_EQ(scan.find(R"({"message":"{\"seq\": 56}"})"), 56);
  EXPECT_EQ(scan.find(R"({"seqs":1,"xseq":2})"), std::nullopt);
  EXPECT_EQ(scan.find(R"({"seq":null})"), std::nullopt);
  EXPECT_EQ(scan.find(R"({"seq")"), std::nullopt);
}

TEST(TextTemplate, FillsKnownPlaceholdersAndLeavesJsonAlone) {
  const TextTemplate text(R"({"job":"j{i}","k":{i%3},"s":{seq},"n":{iseq},"t":{now_us},"x":{}})");
  EXPECT_EQ(text.fill({.i = 7, .seq = 9, .iseq = 2, .stamp_ns = 12'345'678}),
            R"({"job":"j7","k":1,"s":9,"n":2,"t":12345,"x":{}})");
}

TEST(Histogram, QuantilesAreWithinOnePercent) {
  Histogram histogram;
  for (Nanoseconds value = 1; value <= 100'000; ++value) histogram.record(value * 1000);
  for (const double fraction : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = fraction * 1e8;
    EXPECT_NEAR(static_cast<double>(histogram.quantile(fraction)), exact, exact * 0.01);
  }
  EXPECT_EQ(histogram.quantile(1.0), 100'000'000);
  EXPECT_EQ(histogram.max(), 100'000'000);
  histogram.record(std::numeric_limits<Nanoseconds>::max());
  EXPECT_EQ(histogram.quantile(1.0), std::numeric_limits<Nanoseconds>::max());
}

TEST(Units, ReadDurationsSharesAndAddresses) {
  EXPECT_EQ(*parse_duration("1.5ms"), 1'500'000);
  EXPECT_EQ(*parse_duration("0"), 0);
  EXPECT_FALSE(parse_duration("5"));
  EXPECT_FALSE(parse_duration("s"));
  EXPECT_FALSE(parse_duration("-1s"));
  const auto tenth = parse_share("1/10");
  ASSERT_TRUE(tenth);
  int held = 0;
  for (std::uint64_t number = 0; number < 1000; ++number) held += tenth->holds(number) ? 1 : 0;
  EXPECT_EQ(held, 100);
  EXPECT_FALSE(parse_share("3/2"));
  EXPECT_FALSE(parse_share("101%"));
  EXPECT_EQ(parse_source_addresses("2")->at(1), 0x7f000003u);
  EXPECT_EQ(parse_source_addresses("127.0.0.2-127.0.0.4,127.1.0.1")->size(), 4u);
  EXPECT_FALSE(parse_source_addresses("127.0.0.9-127.0.0.4"));
  EXPECT_FALSE(parse_marks("10,5"));
  EXPECT_EQ(with_commas(1234567), "1,234,567");
}

}  // namespace
}  // namespace sseload
