// Who has how many streams: a bound for each user, where auth is on, and for each address.
// Thread: the loop's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "net/access/caller.h"

namespace progressd {

/// A user who has streams, small enough to stand in each connection. 0: nobody had to say who.
using StreamUser = std::uint32_t;

class StreamLimits {
 public:
  /// 0: no bound.
  StreamLimits(std::size_t per_user_max, std::size_t per_address_max);

  /// From here on: streams that are open already stay, and those that began while addresses were
  /// not bounded are not counted for theirs.
  void use_bounds(std::size_t per_user_max, std::size_t per_address_max) {
    per_user_max_ = per_user_max;
    per_address_max_ = per_address_max;
  }

  /// Counts a stream of connection `slot`. Errors: kTooMany.
  Result<StreamUser> begin(const Caller& caller, std::string_view address, std::uint32_t slot);
  void end(StreamUser user, std::uint32_t slot);

  /// Addresses are counted only where they are bounded.
  bool wants_addresses() const { return per_address_max_ != 0; }
  std::string_view name(StreamUser user) const { return users_[user].name; }

 private:
  struct User {
    std::string name;
    std::size_t streams = 0;
  };
  StreamUser user_of(const std::string& name);

  std::size_t per_user_max_;
  std::size_t per_address_max_;
  std::vector<User> users_{1};  // by StreamUser; without streams: free for another one
  std::vector<StreamUser> free_;
  std::unordered_map<std::string, StreamUser> by_name_;
  std::unordered_map<std::string, std::size_t> by_address_;
  std::unordered_map<std::uint32_t, std::string> addresses_;  // by slot
};

}  // namespace progressd
