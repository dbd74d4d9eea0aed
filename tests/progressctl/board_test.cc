#include "tools/progressctl/board.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <clocale>

#include "tools/progressctl/exit_status.h"

namespace progressd::ctl {
namespace {

StreamEvent event(std::string_view name, std::string_view id, std::string_view state = "active",
                  int done = 1) {
  return {std::string(name), "x-1",
          fmt::format(R"({{"id":"{}","state":"{}","done":{},"total":10}})", id, state, done)};
}

std::vector<std::string> names_of(const Board& board, std::size_t lines_max = 100) {
  std::vector<std::string> names;
  for (const Line& line : board.lines({.columns = 60}, lines_max)) {
    names.push_back(line.text.substr(0, line.text.find(' ')));
  }
  return names;
}

TEST(Board, IsOverWhenAllThatIsWantedIs) {
  Board board({"a", "b"});
  ASSERT_TRUE(board.apply(event("snapshot", "a")));
  ASSERT_TRUE(board.apply(event("completed", "a", "completed", 10)));
  EXPECT_FALSE(board.is_over());
  ASSERT_TRUE(board.apply(event("snapshot", "b", "cancelled")));
  EXPECT_TRUE(board.is_over());
  EXPECT_EQ(board.exit_status(), kExitCancelled);
}

TEST(Board, TheWorstOutcomeIsTheExitStatus) {
  Board board({"a", "b", "c"});
  ASSERT_TRUE(board.apply(event("cancelled", "a", "cancelled")));
  ASSERT_TRUE(board.apply(event("failed", "b", "failed")));
  ASSERT_TRUE(board.apply(event("completed", "c", "completed")));
  EXPECT_EQ(board.exit_status(), kExitFailed);
}

TEST(Board, AJobThatIsRemovedWithoutAnEndHasNone) {
  Board board({"a"});
  ASSERT_TRUE(board.apply(event("snapshot", "a")));
  ASSERT_TRUE(board.apply(event("removed", "a")));
  EXPECT_TRUE(board.is_over());
  EXPECT_EQ(board.exit_status(), kExitServer);
}

TEST(Board, WhatMovesStandsFirstThenWhatEndedLast) {
  Board board({});
  for (const char* id : {"a", "b", "c", "d"}) ASSERT_TRUE(board.apply(event("snapshot", id)));
  ASSERT_TRUE(board.apply(event("completed", "b", "completed")));
  ASSERT_TRUE(board.apply(event("completed", "a", "completed")));
  EXPECT_EQ(names_of(board), (std::vector<std::string>{"c", "d", "a", "b"}));
  EXPECT_EQ(names_of(board, 2), (std::vector<std::string>{"c", "and"}));
  EXPECT_FALSE(board.is_over()) << "nothing was waited for";
}

TEST(Board, AfterAGapItIsToldAnew) {
  Board board({});
  ASSERT_TRUE(board.apply(event("snapshot", "a")));
  ASSERT_TRUE(board.apply({"gap", "", R"({"lastEventId":"x-1"})"}));
  EXPECT_TRUE(names_of(board).empty());
}

TEST(Board, StaysBoundedAndForgetsWhatIsOverFirst) {
  Board board({});
  for (std::size_t i = 0; i < kJobsOnBoardMax; ++i) {
    const bool is_over = i == 3;
    ASSERT_TRUE(
        board.apply(event("snapshot", fmt::format("job-{}", i), is_over ? "completed" : "active")));
  }
  ASSERT_TRUE(board.apply(event("snapshot", "late")));
  ASSERT_TRUE(board.apply(event("snapshot", "too-late")));
  const std::vector<std::string> names = names_of(board, kJobsOnBoardMax + 10);
  EXPECT_EQ(names.size(), kJobsOnBoardMax);
  EXPECT_EQ(names.back(), "late");
}

TEST(Board, WhatIsNoJobIsRefused) {
  Board board({});
  EXPECT_FALSE(board.apply({"snapshot", "", "hello"}));
  EXPECT_FALSE(board.apply({"snapshot", "", R"({"id":"a","state":"happy"})"}));
}

}  // namespace
}  // namespace progressd::ctl
