// How often somebody may do something: a token bucket for each user, with a burst of one second's
// worth. A bucket is one number, the time at which it is full again; a full one is forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"

namespace progressd {

class RateLimit {
 public:
  static constexpr std::size_t kUsersMax = 100'000;

  /// `per_second`: 0: no limit. Of more users than `users_max` within a second, the one who was
  /// seen the longest time ago begins anew.
  explicit RateLimit(std::size_t per_second, std::size_t users_max = kUsersMax);

  /// From here on; who waits already waits for what was asked of them.
  void use_rate(std::size_t per_second);

  /// 0: it may be done, and it counts, as so many. Else the seconds after which to try again.
  /// A bucket that has room for one takes more than it has room for, and is waited for so much
  /// longer: what comes at once is never too much, only too often. `now`: of a clock that never
  /// goes back.
  int take(std::string_view user, Millis now, std::size_t count = 1);

  std::size_t users() const { return buckets_.size(); }

 private:
  struct Bucket {
    std::string user;
    std::int64_t full_at_ns;
  };
  void forget_full(std::int64_t now_ns);
  void forget_oldest();

  std::int64_t interval_ns_;  // between two, in the long run; 0: no limit
  std::int64_t burst_ns_;     // what an empty bucket takes to be full
  const std::size_t users_max_;
  std::list<Bucket> buckets_;  // in the order in which they were last taken from
  std::unordered_map<std::string_view, std::list<Bucket>::iterator> by_user_;  // views into them
};

}  // namespace progressd
