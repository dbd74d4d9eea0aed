// Jobs as the native API writes them, and their events in the native dialect.
// Thread: the loop's; one writer, its buffer reused.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json_write.h"
#include "core/jobs/job.h"
#include "core/stream/dialect.h"
#include "core/stream/event_id.h"

namespace progressd {

class JobJson {
 public:
  explicit JobJson(const EventIds& ids) : ids_(ids) {}

  /// The whole job as it is now. The view is good until the next call.
  std::string_view whole(const Job& job);
  /// The whole job as it was after `event`, one of its own.
  std::string_view whole(const Job& job, const Event& event);
  /// What changes while it runs: id, kind, state, done, total, percent, message, rate, ETA; and the
  /// traceparent of a job that has one.
  /// `with_id`: and the event's own id, as the whole job always carries it.
  std::string_view progress(const Job& job, const Event& event, bool with_id);
  /// Adds the whole job as it is now to a larger document.
  void append_whole(const Job& job, JsonWriter& out) { write_whole(job, now(job), out); }

 private:
  static Event now(const Job& job);
  void write_whole(const Job& job, const Event& event, JsonWriter& out);
  void put_event_id(const Event& event, JsonWriter& out);

  const EventIds& ids_;
  JsonWriter out_;
  std::string id_;
};

/// The native stream: `event:` names (unless unnamed, for `onmessage`), ids, one line of JSON.
class NativeDialect final : public StreamDialect {
 public:
  NativeDialect(const EventIds& ids, bool named) : ids_(ids), json_(ids), named_(named) {}

  bool encode(const Subject& subject, const Event& event, std::string& out) const override {
    return encode(subject, event, /*partial=*/false, out);
  }
  bool encode_partial(const Subject& subject, const Event& event, std::string& out) const override {
    return encode(subject, event, /*partial=*/true, out);
  }
  /// The job as it is now, as a `snapshot`.
  void encode_latest(const Subject& subject, Sequence through, bool partial,
                     std::string& out) const override;
  void encode_gap(std::string_view last_event_id, std::string& out) const override;

 private:
  std::string_view name(EventType type) const;
  bool encode(const Subject& subject, const Event& event, bool partial, std::string& out) const;
  std::string_view id(Sequence sequence, bool partial) const;

  const EventIds& ids_;
  mutable JobJson json_;  // a buffer, no state
  mutable std::string id_;
  bool named_;
};

}  // namespace progressd
