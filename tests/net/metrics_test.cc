#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/metrics/exposition.h"
#include "net/metrics/histogram.h"
#include "net/metrics/process.h"

namespace progressd {
namespace {

using ::testing::HasSubstr;

TEST(DurationHistogram, AValueOnABoundIsWithinIt) {
  DurationHistogram histogram;
  histogram.add(DurationHistogram::kUpperSeconds[3]);
  histogram.add(DurationHistogram::kUpperSeconds[3] * 1.01, 4);
  histogram.add(0);
  histogram.add(100);
  EXPECT_EQ(histogram.count_in(0), 1u);
  EXPECT_EQ(histogram.count_in(3), 1u);
  EXPECT_EQ(histogram.count_in(4), 4u);
  EXPECT_EQ(histogram.count_in(DurationHistogram::kUpperSeconds.size()), 1u);
  EXPECT_EQ(histogram.count(), 7u);
  EXPECT_NEAR(histogram.sum(), 100 + 0.0005 * (1 + 4 * 1.01), 1e-9);
}

TEST(Exposition, WritesBucketsThatAddUp) {
  DurationHistogram histogram;
  histogram.add(0.0001, 2);
  histogram.add(0.02, 3);
  histogram.add(60);
  Exposition out;
  out.histogram("lag_seconds", "How late.", histogram);
  const std::string text = out.text();
  EXPECT_THAT(text, HasSubstr("# HELP lag_seconds How late.\n# TYPE lag_seconds histogram\n"));
  EXPECT_THAT(text, HasSubstr("lag_seconds_bucket{le=\"0.0001\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("lag_seconds_bucket{le=\"0.01\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("lag_seconds_bucket{le=\"0.025\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("lag_seconds_bucket{le=\"+Inf\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("lag_seconds_count 6\n"));
}

TEST(Exposition, EscapesWhatALabelMayHold) {
  Exposition out;
  out.gauge("up", "Whether it is.");
  out.value(1, {{"name", "a\"b\\c\nd"}});
  EXPECT_THAT(out.text(), HasSubstr(R"(up{name="a\"b\\c\nd"} 1)"));
}

TEST(ProcessFigures, AreThoseOfThisProcess) {
  const ProcessFigures figures = process_figures();
  EXPECT_GT(figures.resident_bytes, 1'000'000);
  EXPECT_GT(figures.virtual_bytes, figures.resident_bytes / 2);
  EXPECT_GE(figures.descriptors, 3);
  EXPECT_GE(figures.descriptors_max, figures.descriptors);
  EXPECT_GT(figures.started_at, 1'600'000'000);
}

}  // namespace
}  // namespace progressd
