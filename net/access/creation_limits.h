// How many jobs somebody may have, and how fast they may make them. Only where auth is on:
// otherwise everybody is the same user. Thread: the loop's.
#pragma once

#include <cstddef>
#include <optional>

#include "core/base/clock.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/access/caller.h"
#include "net/access/rate_limit.h"
#include "net/http/response.h"
#include "net/uv/loop.h"

namespace progressd {

class CreationLimits {
 public:
  /// `live_jobs_max`, `per_second_max`: of one user; 0: no limit.
  CreationLimits(const JobTable& jobs, const Ledger& ledger, const Loop& loop,
                 std::size_t live_jobs_max, std::size_t per_second_max)
      : jobs_(jobs),
        ledger_(ledger),
        loop_(loop),
        live_jobs_max_(live_jobs_max),
        rate_(per_second_max) {}

  /// From here on.
  void use_limits(std::size_t live_jobs_max, std::size_t per_second_max) {
    live_jobs_max_ = live_jobs_max;
    rate_.use_rate(per_second_max);
  }

  /// The answer to a caller who may not make a job now; none, and it counts, when they may.
  std::optional<Response> refuse(const Caller& caller);

 private:
  const JobTable& jobs_;
  const Ledger& ledger_;
  const Loop& loop_;
  std::size_t live_jobs_max_;
  RateLimit rate_;
};

}  // namespace progressd
