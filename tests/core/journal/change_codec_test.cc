#include "core/journal/change_codec.h"

#include <gtest/gtest.h>

#include "tests/core/journal/changes.h"

namespace progressd {
namespace {

using testing::kSomeDay;

/// Whatever a change holds, as text: two that say the same say it alike.
std::string block_of(const Change& change) {
  ChangeBlock block;
  block.add(change);
  return block.take();
}

TEST(ChangeCodec, EveryChangeComesBackAsItWas) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  Moment at = kSomeDay;
  std::vector<std::string> written;
  ChangeBlock block;
  for (int i = 0; i < 2'000; ++i) {
    const Change change = testing::random_change(chance, at);
    written.push_back(block_of(change));
    block.add(change);
  }
  std::vector<std::string> read;
  ASSERT_TRUE(decode_block(block.view(), block.changes(),
                           [&](const Change& change) { read.push_back(block_of(change)); }));
  EXPECT_EQ(read, written);
}

TEST(ChangeCodec, AJobWithoutATraceOrALongerLastStepIsWrittenAsBeforeThereWereAny) {
  const auto encoded = [](const JobSpec& spec) {
    std::string bytes;
    ByteWriter out(bytes);
    encode_spec(spec, out);
    return bytes;
  };
  const auto decoded = [](std::string_view bytes) -> std::optional<JobSpec> {
    ByteReader in(bytes);
    JobSpec spec = decode_spec(in);
    return in.ok() && in.at_end() ? std::optional(std::move(spec)) : std::nullopt;
  };
  JobSpec spec = testing::job_spec("a", Runner::kTimer);
  for (const bool removed_once_told : {false, true}) {
    spec.removed_once_told = removed_once_told;
    const std::string bytes = encoded(spec);
    EXPECT_EQ(bytes.back(), removed_once_told ? 1 : 0);
    EXPECT_EQ(decoded(bytes)->removed_once_told, removed_once_told);
    EXPECT_TRUE(decoded(bytes)->traceparent.is_null());
    EXPECT_EQ(decoded(bytes)->last_step_more_ms, 0);
  }
  spec.traceparent = Text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  spec.last_step_more_ms = 51;
  const std::optional<JobSpec> traced = decoded(encoded(spec));
  ASSERT_TRUE(traced);
  EXPECT_TRUE(traced->removed_once_told);
  EXPECT_EQ(traced->traceparent, spec.traceparent);
  EXPECT_EQ(traced->last_step_more_ms, 51);
  std::string later = encoded(testing::job_spec("a", Runner::kTimer));
  later.back() = 8;
  EXPECT_FALSE(decoded(later)) << "a bit that nobody knows";
}

TEST(ChangeCodec, AReportSaysWhatItSaid) {
  Report report = testing::report_done(kTotalMax);
  report.message = Text("");
  report.result = Text("{}");
  report.state = State::kFailed;
  const std::string block = block_of(
      testing::expecting({1, UINT64_MAX}, testing::reporting("a", std::move(report), {-5, 7})));
  bool visited = false;
  ASSERT_TRUE(decode_block(block, 1, [&](const Change& change) {
    visited = true;
    EXPECT_EQ(change.kind, ChangeKind::kReport);
    EXPECT_EQ(change.job_id, "a");
    EXPECT_EQ(change.at, Moment(-5, 7));
    EXPECT_EQ(change.report->done, kTotalMax);
    EXPECT_FALSE(change.report->total);
    EXPECT_EQ(change.report->state, State::kFailed);
    EXPECT_FALSE(change.report->message.is_null());
    EXPECT_EQ(change.report->message.view(), "");
    EXPECT_EQ(change.report->result.view(), "{}");
    EXPECT_TRUE(change.report->failed_reason.is_null());
    EXPECT_EQ(change.if_match, (std::vector<Sequence>{1, UINT64_MAX}));
  }));
  EXPECT_TRUE(visited);
}

TEST(ChangeCodec, AChangeOfVersionOneHasOneTime) {
  // version 1 │ kReport │ at 500 │ "a" │ says done and if_match │ done 3 │ one: 9
  const std::string block(
      "\x01\x01\xe8\x07\x01"
      "a\x12\x06\x01\x09",
      10);
  ASSERT_TRUE(decode_block(block, 1, [&](const Change& change) {
    EXPECT_EQ(change.at, Moment(500));
    EXPECT_EQ(change.report->done, 3);
    EXPECT_EQ(change.if_match, (std::vector<Sequence>{9}));
  }));
}

TEST(ChangeCodec, AClockThatWasSetIsSaidOnce) {
  ChangeBlock block;
  block.add(make_change(ChangeKind::kStep, "a", {kSomeDay + 5'000, kSomeDay}));
  const std::size_t first_bytes = block.view().size();
  block.add(make_change(ChangeKind::kStep, "a", {kSomeDay + 5'001, kSomeDay + 1}));
  EXPECT_EQ(block.view().size(), first_bytes + 2);
}

TEST(ChangeCodec, ABurstOfProgressOfOneJobIsWrittenOnce) {
  ChangeBlock block;
  const std::string id(100, 'j');
  for (int done = 1; done <= 100; ++done) {
    block.add(testing::reporting(id, testing::report_done(done), kSomeDay));
  }
  EXPECT_LT(block.view().size(), id.size() + 100 * 6);
}

TEST(ChangeCodec, ABlockBeginsAnewOnceItWasTaken) {
  ChangeBlock block;
  block.add(make_change(ChangeKind::kStep, "a", kSomeDay));
  const std::string first = block.take();
  EXPECT_EQ(block.changes(), 0u);
  block.add(make_change(ChangeKind::kStep, "a", kSomeDay));
  EXPECT_EQ(block.take(), first);
}

TEST(ChangeCodec, WhatIsNoBlockIsRefused) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  testing::Chance chance(seed);
  Moment at = kSomeDay;
  ChangeBlock block;
  for (int i = 0; i < 50; ++i) block.add(testing::random_change(chance, at));
  const std::string bytes(block.view());
  const auto ignore = [](const Change&) {};
  ASSERT_TRUE(decode_block(bytes, 50, ignore));
  EXPECT_FALSE(decode_block(bytes, 49, ignore));
  EXPECT_FALSE(decode_block(bytes, 51, ignore));
  EXPECT_FALSE(decode_block("", 0, ignore));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decode_block(std::string_view(bytes).substr(0, size), 50, ignore)) << size;
  }
  for (int i = 0; i < 5'000; ++i) {  // whatever it says to these, it says it
    std::string spoilt = bytes;
    spoilt[chance.index(spoilt.size())] = static_cast<char>(chance.next());
    static_cast<void>(decode_block(spoilt, 50, ignore));
  }
}

}  // namespace
}  // namespace progressd
