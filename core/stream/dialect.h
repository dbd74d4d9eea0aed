// A dialect turns a topic's events into the server-sent events that one kind of client expects.
// A new dialect is a new class of this kind; the hub, the outbox and the connections stay as they
// are.
#pragma once

#include <string>
#include <string_view>

#include "core/stream/event.h"

namespace progressd {

/// What a topic is about (a job, a user's channel). A dialect knows which class it is for.
class Subject {
 public:
  /// As operators know it: `job:ID`.
  virtual std::string topic_name() const = 0;

 protected:
  ~Subject() = default;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  /// Appends the event to `out` as SSE blocks, each with its empty line.
  /// False, and nothing appended, when this dialect does not tell such an event. The end of a job
  /// is told in every dialect: a stream of one job ends with it.
  virtual bool encode(const Subject& subject, const Event& event, std::string& out) const = 0;
};

/// A dialect that says, too, how a stream of it begins.
class StreamDialect : public Dialect {
 public:
  /// The subject as it is now, with the id of `through`. `partial`: others of the same opening
  /// follow, so the id resumes nothing.
  virtual void encode_latest(const Subject& subject, Sequence through, bool partial,
                             std::string& out) const = 0;
  /// As encode(), to a reader that was not told of every topic yet: the id resumes nothing. For
  /// dialects whose streams are about many topics.
  virtual bool encode_partial(const Subject& subject, const Event& event, std::string& out) const {
    return encode(subject, event, out);
  }
  /// What stands before everything else. `resumed_id`: where the stream goes on; empty when it
  /// begins anew.
  virtual void encode_greeting(std::string_view /*resumed_id*/, std::string& /*out*/) const {}
  /// What stands before a replay: the subject as it was after `event`, the last that the reader
  /// has seen, or the first that it has not where that one is no longer kept. Null: as it is now.
  virtual void encode_restatement(const Subject& /*subject*/, const Event* /*event*/,
                                  std::string& /*out*/) const {}
  /// The notice that `last_event_id` can't be resumed.
  virtual void encode_gap(std::string_view /*last_event_id*/, std::string& /*out*/) const {}
};

}  // namespace progressd
