#include "net/access/stream_limits.h"

#include <fmt/format.h>

#include "core/base/ensure.h"

namespace progressd {

StreamLimits::StreamLimits(std::size_t per_user_max, std::size_t per_address_max)
    : per_user_max_(per_user_max), per_address_max_(per_address_max) {}

StreamUser StreamLimits::user_of(const std::string& name) {
  const auto [entry, is_new] = by_name_.try_emplace(name, 0);
  if (!is_new) return entry->second;
  if (free_.empty()) {
    entry->second = static_cast<StreamUser>(users_.size());
    users_.push_back({name, 0});
  } else {
    entry->second = free_.back();
    free_.pop_back();
    users_[entry->second].name = name;
  }
  return entry->second;
}

Result<StreamUser> StreamLimits::begin(const Caller& caller, std::string_view address,
                                       std::uint32_t slot) {
  const std::string host(address.substr(0, address.rfind(':')));  // without the port
  const auto from_host = by_address_.find(host);
  if (wants_addresses() && from_host != by_address_.end() &&
      from_host->second >= per_address_max_) {
    return fail(Errc::kTooMany,
                fmt::format("{} streams come from this address already, --max-streams-per-address "
                            "allows no more",
                            from_host->second));
  }
  const auto known = by_name_.find(caller.user);
  if (caller.authenticated && per_user_max_ != 0 && known != by_name_.end() &&
      users_[known->second].streams >= per_user_max_) {
    return fail(Errc::kTooMany, fmt::format("{} streams are open already for this user, "
                                            "--max-streams-per-user allows no more",
                                            users_[known->second].streams));
  }
  if (wants_addresses()) {
    ++by_address_[host];
    addresses_[slot] = host;
  }
  if (!caller.authenticated) return StreamUser{0};
  const StreamUser user = user_of(caller.user);
  ++users_[user].streams;
  return user;
}

void StreamLimits::end(StreamUser user, std::uint32_t slot) {
  if (const auto entry = addresses_.find(slot); entry != addresses_.end()) {
    const auto count = by_address_.find(entry->second);
    if (--count->second == 0) by_address_.erase(count);
    addresses_.erase(entry);
  }
  if (user == 0) return;
  ENSURE(users_[user].streams > 0);
  if (--users_[user].streams > 0) return;
  by_name_.erase(users_[user].name);
  users_[user].name.clear();
  free_.push_back(user);
}

}  // namespace progressd
