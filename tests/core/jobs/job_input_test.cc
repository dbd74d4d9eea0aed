#include "core/jobs/job_input.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::error_of;
using testing::Padded;

Result<JobSpec> creation(std::string_view text) {
  JsonReader reader;
  return read_creation(reader, Padded(text).view());
}
Result<Report> report(std::string_view text) {
  JsonReader reader;
  return read_report(reader, Padded(text).view());
}
Result<ReportLine> line(std::string_view text) {
  JsonReader reader;
  return read_report_line(reader, Padded(text).view());
}

std::string object(std::string_view field, std::string_view value, std::string_view more = "") {
  return "{\"" + std::string(field) + "\":" + std::string(value) + std::string(more) + "}";
}
std::string quoted(std::size_t bytes) { return "\"" + std::string(bytes, 'x') + "\""; }

/// Refused with 422, and the detail begins with the field's name.
template <class T>
void expect_names(const Result<T>& result, std::string_view field) {
  ASSERT_EQ(error_of(result), Errc::kInvalid) << field;
  EXPECT_EQ(result.error().detail.substr(0, field.size() + 1), std::string(field) + ":");
}

TEST(ReadCreation, AnEmptyObjectGivesTheDefaults) {
  const Result<JobSpec> spec = creation("{}");
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->id, "");
  EXPECT_TRUE(spec->kind.is_null());
  EXPECT_EQ(spec->runner, Runner::kTimer);
  EXPECT_EQ(spec->owner, "");
  EXPECT_EQ(spec->total, 100);
  EXPECT_EQ(spec->step_ms, 100);
  EXPECT_EQ(spec->step_work_ms, 10);
  EXPECT_EQ(spec->fail_at, 0);
  EXPECT_EQ(spec->repeat, 1);
  EXPECT_EQ(spec->stall_after_ms, 0);
  EXPECT_TRUE(spec->message.is_null());
  EXPECT_TRUE(spec->result.is_null());
  EXPECT_TRUE(spec->failed_reason.is_null());
}

TEST(ReadCreation, ReadsEachField) {
  const Result<JobSpec> spec = creation(
      R"({"id":"a.1","kind":"media","runner":"cpu","owner":"ann","total":7.0,"stepMs":1,
          "stepWork":3,"failAt":7,"failedReason":"r","message":"m","result":{ "a" : 1 },"repeat":0})");
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->id, "a.1");
  EXPECT_EQ(spec->kind.view(), "media");
  EXPECT_EQ(spec->runner, Runner::kCpu);
  EXPECT_EQ(spec->owner, "ann");
  EXPECT_EQ(spec->total, 7);
  EXPECT_EQ(spec->step_ms, 1);
  EXPECT_EQ(spec->step_work_ms, 3);
  EXPECT_EQ(spec->fail_at, 7);
  EXPECT_EQ(spec->failed_reason.view(), "r");
  EXPECT_EQ(spec->message.view(), "m");
  EXPECT_EQ(spec->result.view(), "{\"a\":1}");
  EXPECT_EQ(spec->repeat, 0);
}

TEST(ReadCreation, NullIsAbsentAndUnknownFieldsAreIgnored) {
  const Result<JobSpec> spec = creation(
      R"({"id":null,"kind":null,"runner":null,"owner":null,"total":null,"stepMs":null,
          "stepWork":null,"failAt":null,"failedReason":null,"message":null,"result":null,
          "repeat":null,"stallAfterMs":null,"colour":["red"]})");
  ASSERT_TRUE(spec.has_value());
  EXPECT_EQ(spec->total, 100);
  EXPECT_EQ(spec->runner, Runner::kTimer);
  EXPECT_TRUE(spec->result.is_null());
}

TEST(ReadCreation, AnUnknownFieldMustStillBeJson) {
  EXPECT_EQ(error_of(creation(R"({"colour":[1,}})")), Errc::kMalformed);
}

struct Range {
  std::string_view field;
  std::string_view min, max, below, above;
  std::string_view more = "";
};

TEST(ReadCreation, TakesNumbersUpToTheEdgesOfTheirRanges) {
  const std::string_view external = R"(,"runner":"external")";
  const std::string_view widest = R"(,"total":9007199254740991)";
  for (const Range& range : {
           Range{"total", "1", "9007199254740991", "0", "9007199254740992"},
           Range{"stepMs", "1", "86400000", "0", "86400001"},
           Range{"stepWork", "1", "10000", "0", "10001"},
           Range{"failAt", "1", "9007199254740991", "0", "9007199254740992", widest},
           Range{"repeat", "0", "9007199254740991", "-1", "9007199254740992"},
           Range{"stallAfterMs", "1", "2592000000", "0", "2592000001", external},
       }) {
    EXPECT_TRUE(creation(object(range.field, range.min, range.more)).has_value()) << range.field;
    EXPECT_TRUE(creation(object(range.field, range.max, range.more)).has_value()) << range.field;
    expect_names(creation(object(range.field, range.below, range.more)), range.field);
    expect_names(creation(object(range.field, range.above, range.more)), range.field);
    expect_names(creation(object(range.field, "1.5", range.more)), range.field);
    expect_names(creation(object(range.field, "\"1\"", range.more)), range.field);
    expect_names(creation(object(range.field, "true", range.more)), range.field);
  }
}

TEST(ReadCreation, TakesTextsUpToTheirLengths) {
  for (const auto& [field, bytes_max] : std::vector<std::pair<std::string_view, std::size_t>>{
           {"id", 128}, {"kind", 64}, {"owner", 256}, {"message", 4096}, {"failedReason", 4096}}) {
    EXPECT_TRUE(creation(object(field, quoted(bytes_max))).has_value()) << field;
    expect_names(creation(object(field, quoted(bytes_max + 1))), field);
    expect_names(creation(object(field, "5")), field);
  }
}

TEST(ReadCreation, TakesAResultOf256KiB) {
  EXPECT_TRUE(creation(object("result", quoted(256 * 1024 - 2))).has_value());
  expect_names(creation(object("result", quoted(256 * 1024 - 1))), "result");
}

TEST(ReadCreation, RefusesAnUnknownRunnerAndAnEmptyOwner) {
  expect_names(creation(R"({"runner":"gpu"})"), "runner");
  expect_names(creation(R"({"runner":""})"), "runner");
  expect_names(creation(R"({"owner":""})"), "owner");
}

TEST(ReadCreation, RefusesFieldsThatContradictEachOther) {
  expect_names(creation(R"({"failAt":11,"total":10})"), "failAt");
  expect_names(creation(R"({"failAt":101})"), "failAt");
  expect_names(creation(R"({"failAt":1,"runner":"external"})"), "failAt");
  expect_names(creation(R"({"stallAfterMs":1})"), "stallAfterMs");
}

TEST(JobId, TakesItsCharactersOnly) {
  for (const std::string_view id : {"a", "Z9", "a.b_c~d-e", "...", ".a", "-", "~"}) {
    EXPECT_TRUE(is_job_id(id)) << id;
  }
  EXPECT_TRUE(is_job_id(std::string(128, 'a')));
  for (const std::string_view id :
       {"", ".", "..", "a b", "a/b", "a%20", "a:b", "\xc3\xa9", "a\n"}) {
    EXPECT_FALSE(is_job_id(id)) << id;
  }
  EXPECT_FALSE(is_job_id(std::string(129, 'a')));
  EXPECT_FALSE(is_job_id(std::string_view("a\0", 2)));
  expect_names(creation(R"({"id":".."})"), "id");
}

TEST(ReadReport, LeavesOutWhatIsNotSaid) {
  const Result<Report> read = report(R"({"state":null,"done":null})");
  ASSERT_TRUE(read.has_value());
  EXPECT_FALSE(read->state);
  EXPECT_FALSE(read->done);
  EXPECT_FALSE(read->total);
  EXPECT_TRUE(read->message.is_null());
  EXPECT_TRUE(read->result.is_null());
  EXPECT_TRUE(read->failed_reason.is_null());
}

TEST(ReadReport, ReadsEachField) {
  const Result<Report> read = report(
      R"({"state":"failed","done":0,"total":9007199254740991,"message":"","result":false,"failedReason":"r"})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->state, State::kFailed);
  EXPECT_EQ(read->done, 0);
  EXPECT_EQ(read->total, kTotalMax);
  EXPECT_FALSE(read->message.is_null());
  EXPECT_EQ(read->result.view(), "false");
  EXPECT_EQ(read->failed_reason.view(), "r");
}

TEST(ReadReport, RefusesWhatIsOutOfRange) {
  expect_names(report(R"({"done":-1})"), "done");
  expect_names(report(R"({"done":9007199254740992})"), "done");
  expect_names(report(R"({"done":0.5})"), "done");
  expect_names(report(R"({"total":0})"), "total");
  expect_names(report(object("message", quoted(4097))), "message");
  expect_names(report(R"({"state":"done"})"), "state");
  expect_names(report(R"({"state":""})"), "state");
  expect_names(report(R"({"state":2})"), "state");
}

TEST(ReadReport, CancellingIsNotReported) {
  expect_names(report(R"({"state":"cancelled"})"), "state");
}

TEST(ReadReport, AReasonNeedsAFailure) {
  expect_names(report(R"({"failedReason":"r"})"), "failedReason");
  expect_names(report(R"({"failedReason":"r","state":"completed"})"), "failedReason");
}

TEST(ReadReport, OnlyAnObjectWillDo) {
  EXPECT_EQ(error_of(report("")), Errc::kMalformed);
  EXPECT_EQ(error_of(report("[]")), Errc::kInvalid);
  EXPECT_EQ(error_of(report("{\"done\":1")), Errc::kMalformed);
}

TEST(ReadReportLine, NamesItsJob) {
  const Result<ReportLine> read = line(R"({"done":5.0,"job":"a"})");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->job_id, "a");
  EXPECT_EQ(read->report.done, 5);
  expect_names(line(R"({"done":5})"), "job");
  expect_names(line(R"({"done":5,"job":null})"), "job");
  expect_names(line(R"({"done":5,"job":"a b"})"), "job");
  expect_names(line(R"({"done":5,"job":7})"), "job");
  expect_names(line(R"({"job":"a","failedReason":"r"})"), "failedReason");
  EXPECT_EQ(error_of(line("{\"job\":\"\xff\"}")), Errc::kMalformed);
}

}  // namespace
}  // namespace progressd
