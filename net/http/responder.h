// A responder: the right to answer one request, once, now or on a later turn. It holds a
// connection's id and never the connection, so an answer for a client that has gone is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/stream/hub.h"
#include "net/http/response.h"

namespace progressd {

/// A slot below, its generation above: not used again before 2^31 others of the slot.
using ConnectionId = std::uint64_t;

/// What a stream goes on to read.
struct StreamLive {
  Query query;
  const Dialect* dialect;
  Sequence seen_through;
};

/// The rest of an opening that is too long to be made at once: it is made piece by piece, as its
/// reader takes it, so that a reader who takes nothing costs a piece and no more.
class OpeningRest {
 public:
  virtual ~OpeningRest() = default;
  /// Adds the next frames, up to kOpeningFramesMax; none where there was much to look through. True
  /// when these were the last.
  virtual bool next(std::vector<FrameRef>& frames) = 0;
  /// After the last: what the stream reads from then on; none: it ends.
  virtual std::optional<StreamLive> live() = 0;
};
inline constexpr std::size_t kOpeningFramesMax = 256;

/// What an event stream begins with, and what it goes on to read.
struct StreamStart {
  std::vector<FrameRef> opening;
  std::optional<StreamLive> live;     // with `rest`: until that is made
  std::unique_ptr<OpeningRest> rest;  // null: the opening is whole
};

/// Who carries an answer to its connection.
class ResponseCarrier {
 public:
  virtual ~ResponseCarrier() = default;
  /// How frames for that client must stand.
  virtual Framing framing(ConnectionId id) const = 0;
  virtual void reply(ConnectionId id, Response response) = 0;
  /// False when the stream does not begin: it was refused, its client has gone, or it was HEAD.
  virtual bool stream(ConnectionId id, StreamStart start) = 0;
};

/// Small enough that a std::function which holds nothing else allocates nothing.
class Responder {
 public:
  Responder(ResponseCarrier& carrier, ConnectionId id) : carrier_(&carrier), id_(id) {}

  /// How the frames of a stream to this client must stand.
  Framing framing() const { return carrier_->framing(id_); }
  void reply(Response response) const { carrier_->reply(id_, std::move(response)); }
  bool stream(StreamStart start) const { return carrier_->stream(id_, std::move(start)); }

 private:
  ResponseCarrier* carrier_;
  ConnectionId id_;
};

}  // namespace progressd
