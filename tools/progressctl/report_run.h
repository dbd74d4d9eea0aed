// Reads a program's output, or standard input, and reports on a job until that has its end.
#pragma once

#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "tools/progressctl/http.h"
#include "tools/progressctl/report_input.h"

namespace progressd::ctl {

struct ReportPlan {
  std::vector<std::string> command;  // empty: standard input is read
  bool made_job = true;              // false: it was there before
  bool with_stderr = false;
  bool tees = false;
  Millis interval_ms = 200;
};

/// The exit status. Errors: kInvalid, when the command can't be run; kUnavailable, when the server
/// could not be told of the end.
Result<int> run_report(Transfers& transfers, const Settings& settings, const std::string& job_id,
                       ReportInput input, const ReportPlan& plan);

}  // namespace progressd::ctl
