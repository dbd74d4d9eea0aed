#include "net/http/stream_writer.h"

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/time_text.h"
#include "net/uv/loop.h"

namespace progressd {
namespace {

constexpr Millis kLingerMs = 2'000;
/// From so many readers on, copying a turn's frames together once costs less than handing the
/// kernel each frame for each reader.
constexpr std::size_t kJoinReadersMin = 4;

}  // namespace

void StreamWriter::begin(std::uint32_t slot, std::span<const FrameRef> opening, bool ends,
                         const StreamTerms& terms) {
  Connection& connection = connections_.at(slot);
  connection.state = Connection::State::kStreaming;
  connection.opened_at = terms.wall_at;
  connection.user = terms.user;
  if (is_compressed(connection.framing)) compressed_.begin(slot);
  if (settings_.age_ms_max > 0) {
    const double length = static_cast<double>(settings_.age_ms_max) * (0.8 + 0.2 * terms.age);
    connection.ends_at = deadlines_.now() + Deadlines::ticks(static_cast<Millis>(length));
  }
  if (terms.expires_in_ms) {
    const Tick expiry = deadlines_.now() + Deadlines::ticks(std::clamp<Millis>(*terms.expires_in_ms,
                                                                               0, kDurationMsMax));
    connection.expires = connection.ends_at == 0 || expiry < connection.ends_at;
    if (connection.expires) connection.ends_at = expiry;
  }
  ++counters_.open;
  write_opening(slot, opening, ends);
  if (connection.state == Connection::State::kStreaming) plan(slot);
}

void StreamWriter::go_on_opening(std::uint32_t slot, std::vector<FrameRef> frames, bool ends) {
  const Connection& connection = connections_.at(slot);
  ENSURE(connection.state == Connection::State::kStreaming && !connection.ends);
  if (frames.empty() && ends) return end(slot);
  compress_opening(connection.framing, frames);
  write_opening(slot, frames, ends);
}

void StreamWriter::write_opening(std::uint32_t slot, std::span<const FrameRef> opening, bool ends) {
  Connection& connection = connections_.at(slot);
  connection.ends = ends;
  const std::size_t behind = connection.backlog ? connection.backlog->outbox.bytes() : 0;
  // Piece by piece, since only a socket that is full is a reason to conflate.
  while (!connection.backlog && !opening.empty()) {
    const auto part = opening.first(std::min(opening.size(), SocketIo::kPiecesMax - 1));
    opening = opening.subspan(part.size());
    gather(part);
    transmit(slot, part, ends && opening.empty());
    if (connection.state != Connection::State::kStreaming) return;
  }
  if (!opening.empty()) enqueue(slot, opening, ends);
  if (connection.backlog) {
    connection.backlog->opening_bytes += connection.backlog->outbox.bytes() - behind;
  }
}

void StreamWriter::forget(std::uint32_t slot) {
  Connection& connection = connections_.at(slot);
  if (std::exchange(connection.opened_at, 0) == 0) return;
  --counters_.open;
  if (is_compressed(connection.framing)) compressed_.end();
  limits_.end(std::exchange(connection.user, 0), slot);
}

Tick StreamWriter::keepalive_due(const Connection& connection) const {
  return connection.last_write + Deadlines::ticks(settings_.keepalive_ms) - 1;
}

void StreamWriter::plan(std::uint32_t slot) {
  const Connection& connection = connections_.at(slot);
  const Tick keepalive = keepalive_due(connection);
  deadlines_.set(slot,
                 connection.ends_at == 0 ? keepalive : std::min(keepalive, connection.ends_at));
}

void StreamWriter::gather(std::span<const FrameRef> frames) {
  pieces_.clear();
  pieces_bytes_ = 0;
  pieces_events_ = 0;
  for (const FrameRef& frame : frames) {
    pieces_.push_back(frame.bytes());
    pieces_bytes_ += frame.bytes().size();
    pieces_events_ += frame.events();
  }
  ENSURE(pieces_.size() < SocketIo::kPiecesMax);
}

void StreamWriter::join() {
  joined_.clear();
  for (const std::string_view piece : pieces_) joined_.append(piece);
  pieces_.assign(1, joined_);
}

void StreamWriter::on_first_queued() {
  if (queued_at_ns_ != 0) return;
  queued_at_ns_ = Loop::precise_ns();
  delivered_before_ = counters_.events_delivered;
}

void StreamWriter::on_turn_end() {
  if (queued_at_ns_ == 0) return;
  const std::uint64_t delivered = counters_.events_delivered - delivered_before_;
  if (delivered > 0) {
    const std::uint64_t passed = Loop::precise_ns() - queued_at_ns_;
    latency_.add(static_cast<double>(passed) / 1e9, delivered);
  }
  queued_at_ns_ = 0;
}

void StreamWriter::deliver(std::span<const FrameRef> frames, std::span<const SubscriberId> to,
                           bool ends) {
  // All who read a feed have one framing.
  const Framing framing = connections_.at(to.front()).framing;
  const bool compressed = is_compressed(framing);
  std::span<const FrameRef> together = frames;
  FrameRef block;  // of the frames; made for the first reader who takes it
  if (!compressed) gather(frames);
  if (!compressed && to.size() >= kJoinReadersMin && frames.size() > 1) join();
  for (const SubscriberId slot : to) {
    Connection& connection = connections_.at(slot);
    if (connection.state != Connection::State::kStreaming || connection.ends) continue;
    connection.ends = ends;
    if (connection.backlog) {
      hold_back(slot, frames, ends);
    } else {
      if (compressed && block.is_null()) {
        block = compressed_.block(framing, frames);
        together = {&block, 1};
        gather(together);
      }
      transmit(slot, together, ends, frames);
    }
    if (connection.backlog) close_if_over_bound(slot);
  }
  lasting_.clear();
}

void StreamWriter::keep_lasting(std::span<const FrameRef> frames, Framing framing) {
  topics_.clear();
  for (std::size_t i = frames.size(); i-- > 0;) {
    const FrameRef::About& about = frames[i].about();
    const bool superseded = about.conflatable &&
                            std::find(topics_.begin(), topics_.end(), about.topic) != topics_.end();
    if (!superseded) lasting_.push_back(frames[i]);
    if (about.progress && !superseded) topics_.push_back(about.topic);
  }
  std::reverse(lasting_.begin(), lasting_.end());
  if (!is_compressed(framing)) return;
  for (FrameRef& frame : lasting_) frame = compressed_.block(framing, {&frame, 1});
}

void StreamWriter::hold_back(std::uint32_t slot, std::span<const FrameRef> frames, bool ends) {
  Connection& connection = connections_.at(slot);
  if (lasting_.empty()) keep_lasting(frames, connection.framing);
  count_conflated(connection, frames.size() - lasting_.size());
  enqueue(slot, lasting_, ends);
}

void StreamWriter::count_conflated(Connection& connection, std::size_t events) {
  connection.conflated += static_cast<std::uint32_t>(events);
  counters_.events_conflated += events;
}

void StreamWriter::count_sent(std::uint32_t slot, std::span<const FrameRef> frames) {
  if (!is_compressed(connections_.at(slot).framing)) return;
  for (const FrameRef& frame : frames) compressed_.sum(slot).add(frame.sum());
}

FrameRef StreamWriter::last_frame(std::uint32_t slot, std::span<const FrameRef> unsent) {
  const Connection& connection = connections_.at(slot);
  if (connection.framing == Framing::kChunked) return last_chunk_;
  if (connection.framing == Framing::kUntilClose) return {};
  GzipSum sum = compressed_.sum(slot);
  if (connection.backlog) connection.backlog->outbox.add_rest_to(sum);
  for (const FrameRef& frame : unsent) sum.add(frame.sum());
  return CompressedStreams::last_frame(connection.framing, sum);
}

void StreamWriter::transmit(std::uint32_t slot, std::span<const FrameRef> frames, bool ends,
                            std::span<const FrameRef> apart) {
  Connection& connection = connections_.at(slot);
  if (connection.backlog) return enqueue(slot, frames, ends);
  const FrameRef last = ends ? last_frame(slot, frames) : FrameRef();
  if (!last.is_null()) pieces_.push_back(last.bytes());
  const std::size_t due = pieces_bytes_ + (last.is_null() ? 0 : last.bytes().size());
  const SocketIo::Outcome outcome = io_.write(connection.fd, pieces_);
  if (!last.is_null()) pieces_.pop_back();
  if (outcome.status == SocketIo::Status::kFailed) return connections_.close(slot);
  connection.last_write = deadlines_.now();
  counters_.bytes_sent += outcome.bytes;
  if (outcome.bytes == due) {
    counters_.events_delivered += pieces_events_;
    count_sent(slot, frames);
    if (ends) linger(slot);
    return;
  }
  if (outcome.bytes == 0 && !apart.empty()) return hold_back(slot, apart, ends);
  connection.backlog = std::make_unique<Backlog>();
  // What was sent, and what was begun, is out of conflation's reach before the rest is queued.
  Outbox& outbox = connection.backlog->outbox;
  std::size_t sent = outcome.bytes;
  while (!frames.empty() && sent >= frames.front().bytes().size()) {
    const FrameRef& whole = frames.front();
    sent -= whole.bytes().size();
    count_sent(slot, frames.first(1));
    if (whole.events() != 0) {
      counters_.events_delivered += whole.events();
      outbox.set_sent_through(whole.about().sequence);
    }
    frames = frames.subspan(1);
  }
  if (!frames.empty()) {
    outbox.push(frames.front());
    outbox.consume(std::exchange(sent, 0));
    frames = frames.subspan(1);
  }
  enqueue(slot, frames, ends);
  outbox.consume(sent);  // of the last frame
}

void StreamWriter::enqueue(std::uint32_t slot, std::span<const FrameRef> frames, bool ends) {
  Connection& connection = connections_.at(slot);
  if (!connection.backlog) connection.backlog = std::make_unique<Backlog>();
  Outbox& outbox = connection.backlog->outbox;
  for (const FrameRef& frame : frames) {
    count_conflated(connection, outbox.push(frame));
  }
  // Nothing is queued behind the end, so nothing before it is superseded any more: its sum is
  // right.
  FrameRef last = ends ? last_frame(slot, {}) : FrameRef();
  if (!last.is_null()) outbox.push(std::move(last));
}

void StreamWriter::close_if_over_bound(std::uint32_t slot) {
  const Backlog& backlog = *connections_.at(slot).backlog;
  if (backlog.outbox.bytes() <= settings_.outbox_bytes_max + backlog.opening_bytes) return;
  ++counters_.closed_as_slow;
  connections_.close(slot);  // it resumes from the last event that it got
}

void StreamWriter::flush_backlog(std::uint32_t slot) {
  Connection& connection = connections_.at(slot);
  Backlog& backlog = *connection.backlog;
  GzipSum* const sum = is_compressed(connection.framing) ? &compressed_.sum(slot) : nullptr;
  while (!backlog.outbox.empty()) {
    pieces_.resize(SocketIo::kPiecesMax);
    pieces_.resize(backlog.outbox.gather(pieces_));
    const SocketIo::Outcome outcome = io_.write(connection.fd, pieces_);
    if (outcome.status == SocketIo::Status::kFailed) return connections_.close(slot);
    if (outcome.status == SocketIo::Status::kWouldBlock) return;
    connection.last_write = deadlines_.now();
    counters_.bytes_sent += outcome.bytes;
    counters_.events_delivered += backlog.outbox.consume(outcome.bytes, sum);
    backlog.opening_bytes -= std::min(backlog.opening_bytes, outcome.bytes);
  }
  connection.backlog.reset();
  if (connection.ends) linger(slot);
}

void StreamWriter::on_writable(std::uint32_t slot) {
  if (connections_.at(slot).backlog) flush_backlog(slot);
}

void StreamWriter::on_due(std::uint32_t slot) {
  Connection& connection = connections_.at(slot);
  if (connection.state == Connection::State::kLingering) return connections_.close(slot);
  if (connection.ends_at != 0 && connection.ends_at <= deadlines_.now()) {
    connection.ends_at = 0;
    if (connection.expires) comment(slot, expiry_);
    end(slot);
  } else if (keepalive_due(connection) > deadlines_.now()) {
    // It was written to since the deadline was set.
  } else if (!connection.backlog) {
    // A reader with a backlog has bytes under way: TCP notices when it has gone.
    comment(slot, keepalive_);
  } else {
    connection.last_write = deadlines_.now();
  }
  if (connection.state == Connection::State::kStreaming) plan(slot);
}

StreamWriter::Framed StreamWriter::framed(std::string_view text) {
  Framed frames;
  for (std::size_t i = 0; i < kFramings; ++i) {
    const auto framing = static_cast<Framing>(i);
    frames.at(i) =
        is_compressed(framing) ? compressed_.block(framing, text) : make_frame(framing, text, {});
  }
  return frames;
}

void StreamWriter::comment(std::uint32_t slot, const Framed& text) {
  const FrameRef& frame = text.at(static_cast<std::size_t>(connections_.at(slot).framing));
  gather({&frame, 1});
  transmit(slot, {&frame, 1}, false);
}

void StreamWriter::end(std::uint32_t slot) {
  Connection& connection = connections_.at(slot);
  if (connection.state != Connection::State::kStreaming || connection.ends) return;
  connection.ends = true;
  gather({});
  if (connection.framing == Framing::kUntilClose && !connection.backlog) return linger(slot);
  transmit(slot, {}, true);
}

void StreamWriter::linger(std::uint32_t slot) {
  Connection& connection = connections_.at(slot);
  forget(slot);
  connection.exchange.reset();
  connection.backlog.reset();
  connection.state = Connection::State::kLingering;
  io_.shut_write(connection.fd);
  deadlines_.set(slot, deadlines_.now() + Deadlines::ticks(kLingerMs));
}

}  // namespace progressd
