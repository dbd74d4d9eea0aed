// A dialect turns a topic's events into the server-sent events that one kind of client expects.
// A new dialect is a new class of this kind; the hub, the outbox and the connections stay as they
// are.
#pragma once

#include <string>

#include "core/stream/event.h"

namespace progressd {

/// What a topic is about (a job). A dialect knows which class it is for.
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
  /// False, and nothing appended, when this dialect does not tell such an event.
  virtual bool encode(const Subject& subject, const Event& event, std::string& out) const = 0;
};

}  // namespace progressd
