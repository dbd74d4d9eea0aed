#include "net/access/token_cache.h"

namespace progressd {

const Caller* TokenCache::find(const Digest& token, std::int64_t now) {
  // A clock that was set back makes those from before as doubtful as those that are old.
  while (!order_.empty() && (now >= order_.front().at + kKeptSeconds || now < order_.front().at)) {
    forget_oldest();
  }
  const auto found = callers_.find(token);
  return found == callers_.end() ? nullptr : &found->second;
}

void TokenCache::remember(const Digest& token, const Caller& caller, std::int64_t now) {
  while (order_.size() >= tokens_max_) forget_oldest();
  if (callers_.emplace(token, caller).second) order_.push_back({token, now});
}

void TokenCache::clear() {
  callers_.clear();
  order_.clear();
}

void TokenCache::forget_oldest() {
  callers_.erase(order_.front().token);
  order_.pop_front();
}

}  // namespace progressd
