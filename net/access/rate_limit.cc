#include "net/access/rate_limit.h"

#include <algorithm>

namespace progressd {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kMilliNs = 1'000'000;

}  // namespace

RateLimit::RateLimit(std::size_t per_second, std::size_t users_max) : users_max_(users_max) {
  use_rate(per_second);
}

void RateLimit::use_rate(std::size_t per_second) {
  interval_ns_ = per_second == 0 ? 0 : kSecondNs / static_cast<std::int64_t>(per_second);
  burst_ns_ = interval_ns_ * static_cast<std::int64_t>(per_second);
}

int RateLimit::take(std::string_view user, Millis now, std::size_t count) {
  if (interval_ns_ == 0) return 0;
  const std::int64_t now_ns = now * kMilliNs;
  forget_full(now_ns);
  auto known = by_user_.find(user);
  const std::int64_t full_at =
      known == by_user_.end() ? now_ns : std::max(known->second->full_at_ns, now_ns);
  const std::int64_t wait_ns = full_at + interval_ns_ - burst_ns_ - now_ns;
  if (wait_ns > 0) return static_cast<int>((wait_ns + kSecondNs - 1) / kSecondNs);
  if (known == by_user_.end()) {
    while (buckets_.size() >= users_max_) forget_oldest();
    buckets_.push_back({std::string(user), now_ns});
    known = by_user_.emplace(buckets_.back().user, std::prev(buckets_.end())).first;
  } else {
    buckets_.splice(buckets_.end(), buckets_, known->second);
  }
  known->second->full_at_ns = full_at + interval_ns_ * static_cast<std::int64_t>(count);
  return 0;
}

void RateLimit::forget_full(std::int64_t now_ns) {
  // A bucket behind one that is not full waits for it: for a second, and longer behind one that
  // took more than it had room for. Their number is bounded all the same.
  while (!buckets_.empty() && buckets_.front().full_at_ns <= now_ns) forget_oldest();
}

void RateLimit::forget_oldest() {
  by_user_.erase(buckets_.front().user);
  buckets_.pop_front();
}

}  // namespace progressd
