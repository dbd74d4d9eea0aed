// What the dialects of jobs share: events without a name, each with its id and one line of JSON.
// Thread: the loop's.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_write.h"
#include "core/jobs/job.h"
#include "core/stream/dialect.h"
#include "core/stream/event_id.h"

namespace progressd {

class JobDialect : public StreamDialect {
 public:
  explicit JobDialect(const EventIds& ids) : ids_(ids) {}

  bool encode(const Subject& subject, const Event& event, std::string& out) const final {
    return encode(subject, event, /*partial=*/false, out);
  }
  bool encode_partial(const Subject& subject, const Event& event, std::string& out) const final {
    return encode(subject, event, /*partial=*/true, out);
  }
  void encode_latest(const Subject& subject, Sequence through, bool partial,
                     std::string& out) const override;

 protected:
  /// One event's JSON, on one line. Looks at the event for what moves, so that a replay is the
  /// same.
  virtual void write(const Job& job, const Event& event, JsonWriter& out) const = 0;
  /// Whether clients of this kind are told of the event. A job's end they always are.
  virtual bool tells(const Job& /*job*/, const Event& /*event*/) const { return true; }

  /// The job as it is.
  static Event now(const Job& job);
  /// Why the job failed; null unless it did. A cancelled one failed with the reason `cancelled`.
  static Text failure(const Job& job, const Event& event);
  std::string id_of(const Event& event, bool partial) const;

 private:
  bool encode(const Subject& subject, const Event& event, bool partial, std::string& out) const;

  const EventIds& ids_;
  mutable JsonWriter json_;  // a buffer, no state
};

}  // namespace progressd
