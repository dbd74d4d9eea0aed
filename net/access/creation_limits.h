// How many jobs somebody may have, and how fast they may make them: only where auth is on, as
// otherwise everybody is the same user. And whether there is room for one more at all.
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <optional>

#include "core/base/clock.h"
#include "core/byte_budget.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/access/caller.h"
#include "net/access/rate_limit.h"
#include "net/http/response.h"
#include "net/uv/loop.h"

namespace progressd {

class CreationLimits {
 public:
  /// Each is of one user; 0: no limit.
  struct Limits {
    std::size_t live_jobs_max;
    std::size_t bytes_max;  // of all their jobs, until they are forgotten
    std::size_t per_second_max;
    std::size_t idempotency_keys_max;
  };
  CreationLimits(const JobTable& jobs, const Ledger& ledger, const ByteBudget& budget,
                 const Loop& loop, const Limits& limits)
      : jobs_(jobs),
        ledger_(ledger),
        budget_(budget),
        loop_(loop),
        limits_(limits),
        rate_(limits.per_second_max) {}

  /// From here on.
  void use_limits(const Limits& limits) {
    limits_ = limits;
    rate_.use_rate(limits.per_second_max);
  }

  /// The answer to a caller who may not make a job now; none, and it counts, when they may.
  /// `with_key`: it brings an idempotency key.
  std::optional<Response> refuse(const Caller& caller, bool with_key = false);

 private:
  const JobTable& jobs_;
  const Ledger& ledger_;
  const ByteBudget& budget_;
  const Loop& loop_;
  Limits limits_;
  RateLimit rate_;
};

}  // namespace progressd
