// Bulk reports: many workers' progress in one request, a line each, each line on its own.
#pragma once

#include <cstddef>
#include <optional>

#include "core/base/clock.h"
#include "core/base/json_read.h"
#include "core/byte_budget.h"
#include "core/jobs/job_input.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/access/caller.h"
#include "net/access/report_limits.h"
#include "net/http/router.h"

namespace progressd {

class ReportApi {
 public:
  /// Of one request, empty ones included: all of them are read and applied within one turn of the
  /// loop. A body of 1 MiB has no more that each give a `done`.
  static constexpr std::size_t kLinesMax = 50'000;
  /// Of one answer; of more rejections it tells the number.
  static constexpr std::size_t kRejectionsListedMax = 1'000;

  ReportApi(Ledger& ledger, const JobTable& jobs, const ByteBudget& budget, const Clock& clock,
            ReportLimits& limits)
      : ledger_(ledger), jobs_(jobs), budget_(budget), clock_(clock), limits_(limits) {}

  void add_routes(Router& router);

 private:
  struct Lines;

  void report(Request& request, const Responder& responder);
  /// `count`: how many lines the body has.
  Lines read_lines(const Request& request, std::size_t count);
  /// Why the caller's line does not become a change.
  std::optional<Error> refusal(const Caller& caller, const ReportLine& line) const;

  Ledger& ledger_;
  const JobTable& jobs_;
  const ByteBudget& budget_;
  const Clock& clock_;
  ReportLimits& limits_;
  JsonReader reader_;
};

}  // namespace progressd
