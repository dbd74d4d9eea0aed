#include "tools/progressctl/bar.h"

#include <gtest/gtest.h>

#include <clocale>
#include <limits>
#include <string>

#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

class Bar : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(std::setlocale(LC_CTYPE, "C.UTF-8"), nullptr); }
  void TearDown() override { std::setlocale(LC_CTYPE, "C"); }

  static JobView half_done() {
    JobView job;
    job.id = "import-7";
    job.state = State::kActive;
    job.done = 50;
    job.total = 100;
    job.rate_per_second = 12.34;
    job.eta_seconds = 3'725;
    job.message = "page 12";
    return job;
  }
};

TEST_F(Bar, IsFilledByEighths) {
  EXPECT_EQ(bar_text(0, 4), "░░░░");
  EXPECT_EQ(bar_text(0.5, 4), "██░░");
  EXPECT_EQ(bar_text(0.40625, 4), "█▋░░");
  EXPECT_EQ(bar_text(1, 4), "████");
}

TEST_F(Bar, OddSharesStayWithinIt) {
  for (const double share : {-1.0, 7.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity(), 1e-9, 0.9999999}) {
    EXPECT_EQ(columns_of(bar_text(share, 10)), 10u) << share;
  }
}

TEST_F(Bar, LineTellsWhatThereIsRoomFor) {
  EXPECT_EQ(job_line(half_done(), {.columns = 80, .name_columns = 8}).text,
            "import-7 ███████████░░░░░░░░░░░  50%  12.3/s  ETA 1:02:05  page 12");
}

TEST_F(Bar, LineNeverTakesMoreThanItsColumns) {
  JobView job = half_done();
  job.message = std::string(300, 'x') + "日本語";
  job.failed_reason = std::string("\x1b") + std::string(100, 'y');
  for (const State state : {State::kPending, State::kActive, State::kFailed}) {
    job.state = state;
    for (std::size_t columns = 0; columns < 150; ++columns) {
      const Line line = job_line(job, {.columns = columns, .name_columns = 30});
      EXPECT_LE(line.columns, columns);
      EXPECT_EQ(columns_of(line.text), line.columns) << line.text;
    }
  }
}

TEST_F(Bar, ColoursTakeNoColumns) {
  const Line plain = job_line(half_done(), {.columns = 60});
  const Line colored = job_line(half_done(), {.columns = 60, .colored = true});
  EXPECT_EQ(plain.columns, colored.columns);
  EXPECT_EQ(plain.text.find('\x1b'), std::string::npos);
  EXPECT_NE(colored.text.find("\x1b[36m"), std::string::npos);
}

TEST_F(Bar, AJobThatIsNotWholeIsNotAHundredPercent) {
  JobView job = half_done();
  job.done = 9'999;
  job.total = 10'000;
  EXPECT_NE(job_line(job, {.columns = 80}).text.find(" 99%"), std::string::npos);
}

TEST_F(Bar, AnEndIsToldWithItsReason) {
  JobView job = half_done();
  job.state = State::kFailed;
  job.failed_reason = "no\npaper";
  EXPECT_NE(job_line(job, {.columns = 100}).text.find("failed: no\\x0apaper"), std::string::npos);
}

TEST_F(Bar, TimesReadAsClocks) {
  EXPECT_EQ(clock_text(0), "0:00");
  EXPECT_EQ(clock_text(65), "1:05");
  EXPECT_EQ(clock_text(3600), "1:00:00");
}

}  // namespace
}  // namespace progressd::ctl
