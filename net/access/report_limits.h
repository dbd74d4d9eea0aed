// How fast somebody may report: lines of /v1/reports, PATCHes of jobs and objects for progress
// channels count alike. Only where auth is on: otherwise everybody is the same user.
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <optional>

#include "net/access/caller.h"
#include "net/access/rate_limit.h"
#include "net/http/response.h"
#include "net/uv/loop.h"

namespace progressd {

class ReportLimits {
 public:
  /// `per_second_max`: of one user; 0: no limit.
  ReportLimits(const Loop& loop, std::size_t per_second_max) : loop_(loop), rate_(per_second_max) {}

  void use_rate(std::size_t per_second_max) { rate_.use_rate(per_second_max); }

  /// The answer to a caller who may not report now; none, and it counts, when they may. A request
  /// of many reports is taken whole, and what it is too large for the rate is waited for after it.
  std::optional<Response> refuse(const Caller& caller, std::size_t reports = 1) {
    if (!caller.authenticated) return std::nullopt;
    const int wait_seconds = rate_.take(caller.user, loop_.now(), reports);
    if (wait_seconds == 0) return std::nullopt;
    return problem(429, "this user reports faster than --report-rate allows", wait_seconds);
  }

 private:
  const Loop& loop_;
  RateLimit rate_;
};

}  // namespace progressd
