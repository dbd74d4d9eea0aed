// What clients may say about jobs: JSON to a creation or a report, each field checked against its
// range. Rules that depend on a job's state are the job table's.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_read.h"
#include "core/base/result.h"
#include "core/jobs/change.h"

namespace progressd {

/// Errors name the field: kMalformed for what is no JSON, kInvalid for what is out of range.
/// The text has kJsonPaddingBytes readable bytes behind it, here and below.
/// An `id` and an `owner` that the text does not give stay empty.
Result<JobSpec> read_creation(JsonReader& reader, std::string_view text);
Result<Report> read_report(JsonReader& reader, std::string_view text);

/// A line of a bulk report: which job, and what.
struct ReportLine {
  std::string job_id;
  Report report;
};
Result<ReportLine> read_report_line(JsonReader& reader, std::string_view text);

/// 1 to 128 of A-Z a-z 0-9 . _ ~ -, not `.` or `..`.
bool is_job_id(std::string_view id);

}  // namespace progressd
