// A change: what the journal carries. It says what somebody asked for, with the time at which they
// did; whether it is allowed is decided where it is applied. It owns what it holds, since it may
// cross to a journal's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/digest.h"
#include "core/channels/channel.h"
#include "core/jobs/job.h"

namespace progressd {

enum class ChangeKind : std::uint8_t {
  kCreate,
  kReport,  // an external worker says how it is doing
  kStart,   // a built-in job begins
  kStep,    // and does one step
  kStall,   // an external job was not reported on for too long
  kCancel,
  kDelete,  // somebody removes a job that is over
  kForget,  // a job that was over long enough is removed

  kChannelPost,    // somebody posts an object to a user's channel
  kChannelClear,   // somebody clears what was posted
  kChannelForget,  // nobody has posted since `at`, by the steady clock

  kResume,  // a built-in job that was active goes on after a restart
};
// Journals on disk hold these numbers: a new kind goes to the end.
inline constexpr std::size_t kChangeKinds = static_cast<std::size_t>(ChangeKind::kResume) + 1;

constexpr bool is_of_channel(ChangeKind kind) {
  return kind >= ChangeKind::kChannelPost && kind <= ChangeKind::kChannelForget;
}

struct IdempotencyKey {
  std::string key;
  Digest body;  // of the body's canonical JSON
};

struct Creation {
  JobSpec spec;
  std::optional<IdempotencyKey> idempotency;
};

/// What a report sets; what is left out stays.
struct Report {
  std::optional<State> state;
  std::optional<std::int64_t> done;
  std::optional<std::int64_t> total;
  Text message;        // null: left out
  Text result;         // JSON; null: left out
  Text failed_reason;  // null: left out
};

struct Change {
  ChangeKind kind = ChangeKind::kStep;
  Moment at;
  std::string job_id;                  // of a channel's change: its user
  std::unique_ptr<Creation> creation;  // kCreate; these are large and rare
  std::optional<Report> report;        // kReport
  std::optional<ChannelValue> value;   // kChannelPost
  /// Of kReport, kCancel and kDelete: when given, the job's latest event must be one of these.
  std::optional<std::vector<Sequence>> if_match{};
};

inline Change make_change(ChangeKind kind, std::string job_id, Moment at) {
  return Change{kind, at, std::move(job_id), nullptr, std::nullopt, std::nullopt};
}

}  // namespace progressd
