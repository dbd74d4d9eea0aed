#include "net/compat/job_dialect.h"

#include "core/stream/sse.h"

namespace progressd {

bool JobDialect::encode(const Subject& subject, const Event& event, bool partial,
                        std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  if (event.type == EventType::kRemoved || !tells(job, event)) return false;
  json_.clear();
  write(job, event, json_);
  append_sse({}, id_of(event, partial), json_.view(), out);
  return true;
}

void JobDialect::encode_latest(const Subject& subject, Sequence through, bool partial,
                               std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  Event event = now(job);
  event.sequence = through;
  json_.clear();
  write(job, event, json_);
  append_sse({}, id_of(event, partial), json_.view(), out);
}

Event JobDialect::now(const Job& job) {
  return job.event(EventType::kSnapshot, job.last_sequence, false);
}

Text JobDialect::failure(const Job& job, const Event& event) {
  static const Text kCancelled("cancelled");
  const auto state = static_cast<State>(event.state);
  if (state == State::kCancelled) return kCancelled;
  return state == State::kFailed ? job.failed_reason : Text();
}

std::string JobDialect::id_of(const Event& event, bool partial) const {
  std::string id;
  partial ? ids_.append_partial(event.sequence, id) : ids_.append(event.sequence, id);
  return id;
}

}  // namespace progressd
