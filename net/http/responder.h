// A responder: the right to answer one request, once, now or on a later turn. It holds a
// connection's id and never the connection, so an answer for a client that has gone is dropped.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/stream/hub.h"
#include "net/http/response.h"

namespace progressd {

/// A slot below, its generation above: not used again before 2^31 others of the slot.
using ConnectionId = std::uint64_t;

/// What an event stream begins with, and what it goes on to read.
struct StreamStart {
  std::vector<FrameRef> opening;
  struct Live {
    Query query;
    const Dialect* dialect;
    Sequence seen_through;
  };
  std::optional<Live> live;  // none: the stream ends with the opening
};

/// Who carries an answer to its connection.
class ResponseCarrier {
 public:
  virtual ~ResponseCarrier() = default;
  virtual void reply(ConnectionId id, Response response) = 0;
  virtual void stream(ConnectionId id, StreamStart start) = 0;
};

class Responder {
 public:
  Responder(ResponseCarrier& carrier, ConnectionId id, Framing framing)
      : carrier_(&carrier), id_(id), framing_(framing) {}

  /// How the frames of a stream to this client must stand.
  Framing framing() const { return framing_; }
  void reply(Response response) const { carrier_->reply(id_, std::move(response)); }
  void stream(StreamStart start) const { carrier_->stream(id_, std::move(start)); }

 private:
  ResponseCarrier* carrier_;
  ConnectionId id_;
  Framing framing_;
};

}  // namespace progressd
