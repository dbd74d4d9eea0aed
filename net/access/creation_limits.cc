#include "net/access/creation_limits.h"

#include <fmt/format.h>

namespace progressd {
namespace {

/// A job of theirs may be over by then.
constexpr int kFullRetryAfterSeconds = 5;
/// A key lives for a day: nothing is gained by trying sooner.
constexpr int kKeysRetryAfterSeconds = 60;

}  // namespace

std::optional<Response> CreationLimits::refuse(const Caller& caller, bool with_key) {
  if (const std::optional<Error> full = budget_.refusal()) return problem(*full);
  if (!caller.authenticated) return std::nullopt;
  const std::size_t live = jobs_.live_of(caller.user) + ledger_.creations_on_their_way(caller.user);
  if (limits_.live_jobs_max != 0 && live >= limits_.live_jobs_max) {
    return problem(429,
                   fmt::format("{} jobs of this user are not over yet, --max-jobs-per-user "
                               "allows no more",
                               live),
                   kFullRetryAfterSeconds);
  }
  const std::size_t bytes = jobs_.bytes_of(caller.user);
  if (limits_.bytes_max != 0 && bytes >= limits_.bytes_max) {
    return problem(429,
                   fmt::format("the jobs of this user take {} bytes, --max-job-bytes-per-user "
                               "allows no more: delete some",
                               bytes),
                   kFullRetryAfterSeconds);
  }
  const std::size_t keys = with_key ? jobs_.idempotency_keys_of(caller.user) : 0;
  if (limits_.idempotency_keys_max != 0 && keys >= limits_.idempotency_keys_max) {
    return problem(429,
                   fmt::format("this user has {} idempotency keys, each kept for 24 h, "
                               "--max-idempotency-keys-per-user allows no more",
                               keys),
                   kKeysRetryAfterSeconds);
  }
  const int wait_seconds = rate_.take(caller.user, loop_.now());
  if (wait_seconds == 0) return std::nullopt;
  return problem(429, "this user makes jobs faster than --create-rate allows", wait_seconds);
}

}  // namespace progressd
