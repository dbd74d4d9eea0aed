// Random changes against a small model of what the contract says, and the invariants that hold
// whatever happens.
#include <gtest/gtest.h>

#include "core/jobs/job_json.h"
#include "core/jobs/job_table.h"
#include "tests/core/jobs/job_model.h"
#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::Chance;
using testing::error_of;
using testing::Model;
using testing::ModelJob;

constexpr std::array<Runner, 3> kRunners{Runner::kCpu, Runner::kTimer, Runner::kExternal};

Change random_change(Chance& chance, Millis at) {
  static constexpr std::array<ChangeKind, 16> kKinds{
      ChangeKind::kCreate, ChangeKind::kCreate, ChangeKind::kReport, ChangeKind::kReport,
      ChangeKind::kReport, ChangeKind::kReport, ChangeKind::kStep,   ChangeKind::kStep,
      ChangeKind::kStep,   ChangeKind::kStep,   ChangeKind::kStep,   ChangeKind::kStart,
      ChangeKind::kStall,  ChangeKind::kCancel, ChangeKind::kDelete, ChangeKind::kForget};
  const ChangeKind kind = kKinds[chance.index(kKinds.size())];
  const std::string id(1, static_cast<char>('a' + chance.index(12)));
  if (kind == ChangeKind::kCreate) {
    JobSpec spec = testing::job_spec(id, kRunners[chance.index(3)], chance.between(1, 9));
    spec.owner = chance.one_in(2) ? "ann" : "bob";
    spec.repeat = chance.between(0, 3);
    const bool may_fail = spec.runner != Runner::kExternal && chance.one_in(4);
    if (may_fail) spec.fail_at = chance.between(1, spec.total);
    return testing::creation(std::move(spec), at);
  }
  if (kind != ChangeKind::kReport) return make_change(kind, id, at);
  Report report;
  if (!chance.one_in(4)) report.done = chance.between(0, 10);
  if (chance.one_in(5)) report.total = chance.between(1, 12);
  if (chance.one_in(4)) report.message = Text(chance.one_in(2) ? "this" : "that");
  // Cancelled is refused before it gets here: states 0 to 3.
  if (chance.one_in(3)) report.state = static_cast<State>(chance.between(0, 3));
  return testing::reporting(id, std::move(report), at);
}

std::string everything(const JobTable& table) {
  const EventIds ids(1);
  JobJson json(ids);
  std::string out;
  for (const auto& [sequence, job] : table.all()) out.append(json.whole(*job)).append("\n");
  for (const auto& job : table.removed()) out.append("removed ").append(json.whole(*job)) += '\n';
  return out;
}

void expect_invariants(const JobTable& table) {
  std::array<std::size_t, kStates> counts{};
  for (const auto& [sequence, job] : table.all()) {
    ++counts[static_cast<std::size_t>(job->state)];
    ASSERT_EQ(job->created_sequence, sequence);
    ASSERT_GE(job->done, 0);
    ASSERT_LE(job->done, job->total);
    ASSERT_EQ(job->finished_at != 0, is_terminal(job->state));
    ASSERT_TRUE(job->started_at != 0 || job->state != State::kActive);
    ASSERT_TRUE(job->done == 0 || job->state != State::kPending);
    ASSERT_TRUE(job->done == job->total || job->state != State::kCompleted);
  }
  for (std::size_t i = 0; i < kStates; ++i)
    ASSERT_EQ(table.count(static_cast<State>(i)), counts[i]);
}

TEST(JobTableProperty, DoesWhatTheModelDoesAndFoldsTwiceToTheSame) {
  const std::uint64_t seed = testing::test_seed();
  SCOPED_TRACE(testing::seed_note(seed));
  Chance chance(seed);
  JobTable table{JobTableLimits{}};
  Model model;
  std::vector<std::pair<Sequence, Change>> journal;
  Sequence sequence = 0;
  Sequence last_event = 0;
  Millis at = testing::kSomeDay;
  for (int i = 0; i < 4'000; ++i) {
    sequence += static_cast<Sequence>(chance.between(1, 3));
    at += chance.between(-5, 50);  // wall clocks step
    journal.emplace_back(sequence, random_change(chance, at));
    const Change& change = journal.back().second;
    const Job* const before = table.find(change.job_id);
    const bool was_over = before != nullptr && is_terminal(before->state);
    const std::string json_before = was_over ? everything(table) : "";

    const Outcome outcome = table.apply(sequence, change);
    ASSERT_EQ(error_of(outcome), model.apply(change)) << "change " << i;
    if (was_over && outcome.error) {
      ASSERT_EQ(everything(table), json_before) << "change " << i;
    }
    if (outcome.event) {
      ASSERT_EQ(outcome.event->sequence, sequence);
      ASSERT_GT(outcome.event->sequence, last_event);
      ASSERT_EQ(outcome.job->last_sequence, sequence);
      last_event = sequence;
    }
    ASSERT_EQ(table.size(), model.jobs.size());
    if (const Job* job = table.find(change.job_id)) {
      const ModelJob& expected = model.jobs.at(change.job_id);
      ASSERT_EQ(state_name(job->state), expected.state) << "change " << i;
      ASSERT_EQ(job->done, expected.done) << "change " << i;
      ASSERT_EQ(job->total, expected.total) << "change " << i;
      ASSERT_EQ(job->message.view(), expected.message) << "change " << i;
    }
    if (i % 100 == 0) expect_invariants(table);
  }
  expect_invariants(table);

  JobTable again{JobTableLimits{}};
  for (const auto& [number, change] : journal) again.apply(number, change);
  EXPECT_EQ(everything(again), everything(table));
  EXPECT_FALSE(everything(table).empty());
}

}  // namespace
}  // namespace progressd
