// Bulk reports: many workers' progress in one request, a line each, each line on its own.
#pragma once

#include <cstddef>

#include "core/base/clock.h"
#include "core/base/json_read.h"
#include "core/byte_budget.h"
#include "core/ledger.h"
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

  ReportApi(Ledger& ledger, const ByteBudget& budget, const Clock& clock, ReportLimits& limits)
      : ledger_(ledger), budget_(budget), clock_(clock), limits_(limits) {}

  void add_routes(Router& router);

 private:
  void report(Request& request, const Responder& responder);

  Ledger& ledger_;
  const ByteBudget& budget_;
  const Clock& clock_;
  ReportLimits& limits_;
  JsonReader reader_;
};

}  // namespace progressd
