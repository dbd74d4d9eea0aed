#include "net/access/policy.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/core/testing.h"

namespace progressd {
namespace {

using testing::job_spec;
using testing::kSomeDay;

/// Jobs of ann: who asks is ann herself or somebody else.
const Job kTimed(job_spec("timed", Runner::kTimer), kSomeDay, 1);
const Job kComputed(job_spec("computed", Runner::kCpu), kSomeDay, 2);
const Job kReported(job_spec("reported", Runner::kExternal), kSomeDay, 3);

Caller user(std::string name) {
  Caller caller;
  caller.user = std::move(name);
  caller.authenticated = true;
  return caller;
}
Caller reporter(std::string name) {
  Caller caller = user(std::move(name));
  caller.reports = true;
  return caller;
}
Caller admin(std::string name) {
  Caller caller = user(std::move(name));
  caller.administers = true;
  return caller;
}

/// The callers, in the order of the columns below.
const std::array<Caller, 6> kCallers{user("ann"),     user("bob"),  reporter("ann"),
                                     reporter("bob"), admin("bob"), anybody()};
using Answers = std::array<bool, 6>;

template <class Question>
Answers answers(Question question) {
  Answers given{};
  for (std::size_t i = 0; i < kCallers.size(); ++i) given[i] = question(kCallers[i]);
  return given;
}

TEST(Policy, JobsAreSeenByTheirOwnerByAdminsAndExternalOnesByReporters) {
  const auto see = [](const Job& job) {
    return answers([&](const Caller& caller) { return may_see(caller, job); });
  };
  //                                 ann   bob    reporters: ann, bob  admin anybody
  EXPECT_EQ(see(kTimed), (Answers{true, false, true, false, true, true}));
  EXPECT_EQ(see(kComputed), (Answers{true, false, true, false, true, true}));
  EXPECT_EQ(see(kReported), (Answers{true, false, true, true, true, true}));
}

TEST(Policy, ReportingTakesTheScopeOnOnesOwnJobsToo) {
  const auto report = [](const Job& job) {
    return answers([&](const Caller& caller) { return may_report(caller, job); });
  };
  EXPECT_EQ(report(kReported), (Answers{false, false, true, true, true, true}));
  EXPECT_EQ(report(kTimed), (Answers{false, false, true, false, true, true}));
  EXPECT_EQ(answers([](const Caller& caller) { return may_report(caller); }),
            (Answers{false, false, true, true, true, true}));
}

TEST(Policy, CancellingAndDeletingAreTheOwnersAndNotTheReporters) {
  for (const Job* job : {&kTimed, &kComputed, &kReported}) {
    EXPECT_EQ(answers([&](const Caller& caller) { return may_change(caller, *job); }),
              (Answers{true, false, true, false, true, true}));
  }
}

TEST(Policy, OnlyAdminsActForAnotherOwner) {
  const Answers expected{true, false, true, false, true, true};
  EXPECT_EQ(answers([](const Caller& caller) { return may_create_for(caller, "ann"); }), expected);
  EXPECT_EQ(answers([](const Caller& caller) { return may_list_owner(caller, "ann"); }), expected);
}

TEST(Policy, AChannelIsReadByItsUserAndPostedToByReporters) {
  EXPECT_EQ(answers([](const Caller& caller) { return may_follow_channel(caller, "ann"); }),
            (Answers{true, false, true, false, true, true}));
  EXPECT_EQ(answers([](const Caller& caller) { return may_post_to_channel(caller); }),
            (Answers{false, false, true, true, true, true}));
}

TEST(Policy, OnlyAdminsOperate) {
  EXPECT_EQ(answers([](const Caller& caller) { return may_operate(caller); }),
            (Answers{false, false, false, false, true, true}));
}

TEST(Policy, NamesAreComparedByteForByte) {
  EXPECT_FALSE(may_create_for(user("Ann"), "ann"));
  EXPECT_FALSE(may_create_for(user("ann "), "ann"));
  EXPECT_FALSE(may_create_for(user("an"), "ann"));
}

TEST(Policy, AUserWhoIsNamedAnonymousHasNoRightsFromThat) {
  const Caller caller = user(std::string(kAnonymous));
  EXPECT_FALSE(may_operate(caller));
  EXPECT_FALSE(may_see(caller, kTimed));
}

}  // namespace
}  // namespace progressd
