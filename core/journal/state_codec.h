// Jobs, channels and idempotency keys as bytes: the rows that stand for the changes a durable
// journal no longer holds. A row says through which change it is folded, so that those changes,
// should the log still hold them, are not applied twice.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/channels/channel.h"
#include "core/jobs/idempotency.h"
#include "core/jobs/job.h"

namespace progressd {

template <class Subject>
struct Restored {
  std::unique_ptr<Subject> subject;
  Sequence through;
};

/// `through`: the latest change that was applied to anything. The job is in the table.
std::string encode_job(const Job& job, Sequence through);
/// None when the bytes are no row of ours. Of its events those are taken that the limits allow.
std::optional<Restored<Job>> decode_job(std::string_view bytes, const HistoryLimits& history);

std::string encode_channel(const Channel& channel, Sequence through);
std::optional<Restored<Channel>> decode_channel(std::string_view bytes,
                                                const HistoryLimits& history);

struct KeptKey {
  std::string owner;
  std::string key;
  IdempotencyTable::Entry entry;
  Millis at = 0;  // of its first use, by the steady clock
};
std::string encode_key(const KeptKey& key);
std::optional<KeptKey> decode_key(std::string_view bytes);

}  // namespace progressd
