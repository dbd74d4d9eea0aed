#include "core/jobs/idempotency.h"

#include <charconv>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {

std::string IdempotencyTable::joined(std::string_view owner, std::string_view key) {
  // An owner holds any bytes, so its length goes first: no two pairs look alike.
  return std::to_string(owner.size()).append(":").append(owner).append(key);
}

std::string IdempotencyTable::owner_in(std::string_view name) {
  std::size_t size = 0;
  const auto [colon, error] = std::from_chars(name.data(), name.data() + name.size(), size);
  ENSURE(error == std::errc{});
  return std::string(colon + 1, size);
}

std::size_t IdempotencyTable::count_of(std::string_view owner) const {
  const auto found = by_owner_.find(std::string(owner));
  return found == by_owner_.end() ? 0 : found->second;
}

void IdempotencyTable::expire(Millis at) {
  while (!by_age_.empty() && by_age_.begin()->first + kKeyLifeMs <= at) {
    const std::string& name = by_age_.begin()->second;
    const auto owned = by_owner_.find(owner_in(name));
    if (--owned->second == 0) by_owner_.erase(owned);
    entries_.erase(name);
    by_age_.erase(by_age_.begin());
  }
}

const IdempotencyTable::Entry* IdempotencyTable::find(std::string_view owner, std::string_view key,
                                                      Millis at) {
  expire(at);
  const auto found = entries_.find(joined(owner, key));
  return found == entries_.end() ? nullptr : &found->second;
}

void IdempotencyTable::add(std::string_view owner, std::string_view key, Entry entry, Millis at) {
  ENSURE(!full());
  std::string name = joined(owner, key);
  by_age_.emplace(at, name);
  ++by_owner_[std::string(owner)];
  const bool is_new = entries_.emplace(std::move(name), std::move(entry)).second;
  ENSURE(is_new);
}

}  // namespace progressd
