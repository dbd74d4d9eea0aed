#include "core/jobs/idempotency.h"

#include <utility>

#include "core/base/ensure.h"

namespace progressd {

std::string IdempotencyTable::joined(std::string_view owner, std::string_view key) {
  // An owner holds any bytes, so its length goes first: no two pairs look alike.
  return std::to_string(owner.size()).append(":").append(owner).append(key);
}

void IdempotencyTable::expire(Millis at) {
  while (!by_age_.empty() && by_age_.begin()->first + kKeyLifeMs <= at) {
    entries_.erase(by_age_.begin()->second);
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
  const bool is_new = entries_.emplace(std::move(name), std::move(entry)).second;
  ENSURE(is_new);
}

}  // namespace progressd
