#include "core/jobs/job_json.h"

#include <gtest/gtest.h>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::DrivenTable;
using testing::job_spec;
using testing::report_done;
using testing::report_state;

class JobJsonTest : public ::testing::Test {
 protected:
  std::string whole(std::string_view id) { return std::string(json.whole(*table.jobs.find(id))); }
  std::string encoded(const Outcome& outcome, bool named = true) {
    std::string out;
    EXPECT_TRUE(NativeDialect(ids, named).encode(*outcome.job, *outcome.event, out));
    return out;
  }

  EventIds ids{0x1f3a9c04};
  JobJson json{ids};
  DrivenTable table;
};

TEST_F(JobJsonTest, AFreshJobHasEveryFieldAndNullForWhatIsNotKnown) {
  table.create(job_spec("a", Runner::kExternal));
  EXPECT_EQ(whole("a"),
            R"({"id":"a","kind":null,"runner":"external","owner":"ann","state":"pending","done":0,)"
            R"("total":100,"percent":0,"message":null,"result":null,"failedReason":null,)"
            R"("createdAt":"2026-11-20T23:42:05.123Z","startedAt":null,"finishedAt":null,)"
            R"("attempt":1,"traceparent":null,"ratePerSecond":null,"etaSeconds":null,)"
            R"("eventId":"1f3a9c04-1"})");
}

TEST_F(JobJsonTest, AFinishedJobTellsItsTimesAndItsResult) {
  JobSpec spec = job_spec("a", Runner::kTimer, 2);
  spec.kind = Text("media");
  spec.result = Text("{\"mediaId\":7}");
  table.create(spec);
  table.at += 1000;
  table.change(ChangeKind::kStart, "a");
  table.at += 1000;
  table.change(ChangeKind::kStep, "a");
  table.at += 1000;
  table.change(ChangeKind::kStep, "a");
  EXPECT_EQ(whole("a"),
            R"({"id":"a","kind":"media","runner":"timer","owner":"ann","state":"completed",)"
            R"("done":2,"total":2,"percent":100,"message":null,"result":{"mediaId":7},)"
            R"("failedReason":null,"createdAt":"2026-11-20T23:42:05.123Z",)"
            R"("startedAt":"2026-11-20T23:42:06.123Z","finishedAt":"2026-11-20T23:42:08.123Z",)"
            R"("attempt":1,"traceparent":null,"ratePerSecond":1,"etaSeconds":0,)"
            R"("eventId":"1f3a9c04-4"})");
}

TEST_F(JobJsonTest, PercentHasNoMoreDecimalsThanItNeeds) {
  table.create(job_spec("a", Runner::kExternal, 800));
  const std::vector<std::pair<std::int64_t, std::string_view>> steps{{100, "\"percent\":12.5,"},
                                                                     {101, "\"percent\":12.63,"},
                                                                     {400, "\"percent\":50,"},
                                                                     {401, "\"percent\":50.13,"},
                                                                     {404, "\"percent\":50.5,"}};
  for (const auto& [done, text] : steps) {
    table.report("a", report_done(done));
    EXPECT_NE(whole("a").find(text), std::string::npos) << whole("a");
  }
}

TEST_F(JobJsonTest, ProgressTellsWhatMovesAndOneLine) {
  table.create(job_spec("a", Runner::kExternal, 100));
  table.report("a", report_state(State::kActive));
  table.at += 2000;
  Report report = report_done(45);
  report.message = Text("line\nbreak\r\xe2\x80\xa8\"");
  EXPECT_EQ(encoded(table.report("a", std::move(report))),
            "event: progress\nid: 1f3a9c04-3\n"
            "data: {\"id\":\"a\",\"kind\":null,\"state\":\"active\",\"done\":45,\"total\":100,"
            "\"percent\":45,\"message\":\"line\\nbreak\\r\xe2\x80\xa8\\\"\",\"ratePerSecond\":22.5,"
            "\"etaSeconds\":3}\n\n");
}

TEST_F(JobJsonTest, AJobOfATraceTellsItWithEveryEvent) {
  JobSpec spec = job_spec("a", Runner::kExternal);
  spec.traceparent = Text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  const std::string_view told =
      R"("traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")";
  for (const Outcome& outcome :
       {table.create(spec), table.report("a", report_done(3)), table.report("a", report_done(4)),
        table.report("a", report_state(State::kCompleted))}) {
    EXPECT_NE(encoded(outcome).find(told), std::string::npos) << encoded(outcome);
  }
  EXPECT_NE(whole("a").find(told), std::string::npos);
}

TEST_F(JobJsonTest, TheRateIsNullAndNeverZeroWhileItIsNotKnown) {
  table.create(job_spec("a", Runner::kExternal));
  Report report = report_done(5);
  report.state = State::kFailed;
  table.report("a", std::move(report));
  EXPECT_NE(whole("a").find("\"ratePerSecond\":null"), std::string::npos) << whole("a");
}

TEST_F(JobJsonTest, WhatWasDoneBeforeTheFirstReportGivesNoRate) {
  table.create(job_spec("a", Runner::kExternal, 1000));
  table.at += 60'000;
  table.report("a", report_done(500));
  table.at += 1000;
  table.report("a", report_done(510));
  EXPECT_NE(whole("a").find("\"ratePerSecond\":10,"), std::string::npos) << whole("a");
}

TEST_F(JobJsonTest, TerminalEventsAndSnapshotsCarryTheWholeJob) {
  const Outcome created = table.create(job_spec("a", Runner::kExternal));
  EXPECT_EQ(encoded(created), "event: snapshot\nid: 1f3a9c04-1\ndata: " + whole("a") + "\n\n");
  const Outcome cancelled = table.change(ChangeKind::kCancel, "a");
  EXPECT_EQ(encoded(cancelled), "event: cancelled\nid: 1f3a9c04-2\ndata: " + whole("a") + "\n\n");
  const Outcome removed = table.change(ChangeKind::kDelete, "a");
  EXPECT_EQ(encoded(removed).substr(0, 34), "event: removed\nid: 1f3a9c04-3\ndata");
}

TEST_F(JobJsonTest, AReplayedEventIsTheSameBytesAsTheLiveOne) {
  std::vector<std::pair<Outcome, std::string>> live;
  const auto tell = [&](Outcome outcome) {
    std::string bytes = encoded(outcome);
    live.emplace_back(std::move(outcome), std::move(bytes));
  };
  tell(table.create(job_spec("a", Runner::kExternal)));
  table.at += 500;
  tell(table.report("a", report_state(State::kActive)));
  table.at += 500;
  tell(table.report("a", report_done(10)));
  table.at += 500;
  Report failed = report_state(State::kFailed);
  failed.failed_reason = Text("no more");
  failed.result = Text("[1]");
  tell(table.report("a", std::move(failed)));
  for (const auto& [outcome, bytes] : live) EXPECT_EQ(encoded(outcome), bytes);
}

TEST_F(JobJsonTest, AnUnnamedStreamHasNoEventField) {
  const Outcome created = table.create(job_spec("a", Runner::kExternal));
  EXPECT_EQ(encoded(created, /*named=*/false).substr(0, 4), "id: ");
  std::string out;
  NativeDialect(ids, false).encode_gap("x", out);
  EXPECT_EQ(out, "data: {\"lastEventId\":\"x\"}\n\n");
}

TEST_F(JobJsonTest, AGapEchoesTheIdAndHasNone) {
  std::string out;
  NativeDialect(ids, true).encode_gap("a\"b\n", out);
  EXPECT_EQ(out, "event: gap\ndata: {\"lastEventId\":\"a\\\"b\\n\"}\n\n");
}

TEST_F(JobJsonTest, APartialSnapshotsIdResumesNothing) {
  table.create(job_spec("a", Runner::kExternal));
  std::string out;
  NativeDialect(ids, true).encode_latest(*table.jobs.find("a"), /*through=*/1, /*partial=*/true,
                                         out);
  EXPECT_EQ(out.substr(0, 33), "event: snapshot\nid: 1f3a9c04-1~\nd");
  EXPECT_FALSE(ids.parse("1f3a9c04-1+"));
}

TEST_F(JobJsonTest, ProgressWithAPartialIdSaysWhichEventItIs) {
  table.create(job_spec("a", Runner::kExternal));
  const Outcome progress = table.report("a", report_done(1));
  std::string out;
  const NativeDialect dialect(ids, true);
  ASSERT_TRUE(dialect.encode_partial(*progress.job, *progress.event, out));
  EXPECT_EQ(out.substr(0, 33), "event: progress\nid: 1f3a9c04-2~\nd");
  EXPECT_TRUE(out.ends_with(",\"eventId\":\"1f3a9c04-2\"}\n\n")) << out;
  // The usual one is sent far more often, and its id says it already.
  EXPECT_EQ(encoded(progress).find("eventId"), std::string::npos);
}

TEST_F(JobJsonTest, AWriterTakesManyJobsIntoOneDocument) {
  table.create(job_spec("a", Runner::kExternal));
  table.create(job_spec("b", Runner::kExternal));
  JsonWriter out;
  out.begin_array();
  json.append_whole(*table.jobs.find("a"), out);
  json.append_whole(*table.jobs.find("b"), out);
  out.end_array();
  EXPECT_EQ(out.view(), "[" + whole("a") + "," + whole("b") + "]");
}

}  // namespace
}  // namespace progressd
