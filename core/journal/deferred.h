// A journal that keeps changes later, on a thread of its own, as the ledger sees it; and what is on
// its way there, which bounds must count although nobody sees it yet.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/base/result.h"
#include "core/channels/channel_table.h"
#include "core/jobs/change.h"
#include "core/jobs/job_table.h"

namespace progressd {

class DeferredJournal {
 public:
  virtual ~DeferredJournal() = default;
  /// Takes all of the changes or none. What was taken is settled by Ledger::settle(), in order.
  /// Errors: kUnavailable, kOverloaded.
  virtual std::optional<Error> post(std::span<const Change> changes) = 0;
};

/// The bounds that are checked before a change goes to the journal, and not where it is applied:
/// what was refused for want of room must not be allowed when the journal is read again, with more
/// room. A table that is folded from a durable journal has none of its own.
struct TableBounds {
  std::size_t jobs_max = 1'000'000;
  std::size_t idempotency_keys_max = 1'000'000;
  std::size_t channels_max = 100'000;
};

/// Creations that were posted and not settled.
class OnTheirWay {
 public:
  OnTheirWay(const JobTable& jobs, const ChannelTable& channels, const TableBounds& bounds)
      : jobs_(jobs), channels_(channels), bounds_(bounds) {}

  void use_bounds(const TableBounds& bounds) { bounds_ = bounds; }
  /// kOverloaded when there is no room for what they create.
  std::optional<Error> refusal(std::span<const Change> changes);
  void add(std::span<const Change> changes) { count(changes, 1); }
  void remove(std::span<const Change> changes) { count(changes, -1); }
  std::size_t creations_of(const std::string& owner) const;
  /// Whether a creation with this idempotency key of the owner's is among them, or remembered.
  bool knows_key(const std::string& owner, const std::string& key) const {
    return jobs_.knows_key(owner, key) || keys_.contains({owner, key});
  }

 private:
  void count(std::span<const Change> changes, int by);

  const JobTable& jobs_;
  const ChannelTable& channels_;
  TableBounds bounds_;
  std::size_t jobs_coming_ = 0;
  std::size_t posts_coming_ = 0;                             // to channels
  std::multiset<std::pair<std::string, std::string>> keys_;  // owner and idempotency key
  std::unordered_map<std::string, std::size_t> by_owner_;
};

}  // namespace progressd
