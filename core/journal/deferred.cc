#include "core/journal/deferred.h"

#include <fmt/format.h>

namespace progressd {
namespace {

Error overloaded(std::size_t count, std::string_view what) {
  return {Errc::kOverloaded, fmt::format("there are {} {} already", count, what)};
}

}  // namespace

std::optional<Error> OnTheirWay::refusal(std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::kCreate) {
      const Creation& creation = *change.creation;
      const auto& key = creation.idempotency;
      if (key && knows_key(creation.spec.owner, key->key)) continue;  // it makes none
      if (jobs_.size() + jobs_coming_ >= bounds_.jobs_max) {
        return overloaded(jobs_.size() + jobs_coming_, "jobs");
      }
      if (key && jobs_.idempotency_keys() + keys_.size() >= bounds_.idempotency_keys_max) {
        return Error{Errc::kOverloaded, "too many idempotency keys"};
      }
    } else if (change.kind == ChangeKind::kChannelPost) {
      if (channels_.find(change.job_id) == nullptr &&
          channels_.size() + posts_coming_ >= bounds_.channels_max) {
        return overloaded(channels_.size(), "channels");
      }
    }
  }
  return std::nullopt;
}

void OnTheirWay::count(std::span<const Change> changes, int by) {
  const auto more = static_cast<std::size_t>(by);  // 1 less is 2^64 − 1 more
  for (const Change& change : changes) {
    if (change.kind == ChangeKind::kChannelPost) posts_coming_ += more;
    if (change.kind != ChangeKind::kCreate) continue;
    jobs_coming_ += more;
    const std::string& owner = change.creation->spec.owner;
    if (const auto& key = change.creation->idempotency) {
      if (by > 0) keys_.emplace(owner, key->key);
      if (by < 0) keys_.erase(keys_.find({owner, key->key}));
    }
    if ((by_owner_[owner] += more) == 0) by_owner_.erase(owner);
  }
}

std::size_t OnTheirWay::creations_of(const std::string& owner) const {
  const auto found = by_owner_.find(owner);
  return found == by_owner_.end() ? 0 : found->second;
}

}  // namespace progressd
