// Idempotency keys: which creation a key of an owner has made already. A key lives a day from its
// first use, by the steady clock. Part of the job table's fold: time comes from the changes.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/stream/event_id.h"

namespace progressd {

inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;
/// From a key's first use on.
inline constexpr Millis kKeyLifeMs = 24 * 3'600'000;

class IdempotencyTable {
 public:
  struct Entry {
    Digest body;
    std::string job_id;
    Sequence created_sequence;  // tells the job from a later one of the same id
  };

  explicit IdempotencyTable(std::size_t keys_max) : keys_max_(keys_max) {}
  void use_keys_max(std::size_t keys_max) { keys_max_ = keys_max; }

  /// Null when the owner has not used the key, or longer ago than a day.
  const Entry* find(std::string_view owner, std::string_view key, Millis at);
  /// Whether find() may know it: a key that nobody asked for since its day went by still counts.
  bool holds(std::string_view owner, std::string_view key) const {
    return entries_.contains(joined(owner, key));
  }
  std::size_t size() const { return entries_.size(); }
  /// Of them those of this owner.
  std::size_t count_of(std::string_view owner) const;
  bool full() const { return entries_.size() >= keys_max_; }
  /// Shape: the key is new and the table not full.
  void add(std::string_view owner, std::string_view key, Entry entry, Millis at);

 private:
  void expire(Millis at);
  static std::string joined(std::string_view owner, std::string_view key);
  /// The owner in what joined() gave.
  static std::string owner_in(std::string_view name);

  std::size_t keys_max_;
  std::unordered_map<std::string, Entry> entries_;
  std::multimap<Millis, std::string> by_age_;
  std::unordered_map<std::string, std::size_t> by_owner_;  // how many
};

}  // namespace progressd
