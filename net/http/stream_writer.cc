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
  FrameRef block;
  std::span<const FrameRef> together = frames;
  // All who read a feed have one framing.
  if (is_compressed(connections_.at(to.front()).framing)) {
    block = block_for(frames, to);
    together = std::span(&block, block.is_null() ? 0 : 1);
    apart_ = frames;
  }
  gather(together);
  if (to.size() >= kJoinReadersMin && together.size() > 1) join();
  for (const SubscriberId slot : to) {
    Connection& connection = connections_.at(slot);
    if (connection.state != Connection::State::kStreaming || connection.ends) continue;
    connection.ends = ends;
    if (connection.backlog) {
      hold_back(slot, frames, ends);
    } else {
      transmit(slot, together, ends);
    }
    if (connection.backlog) close_if_over_bound(slot);
  }
  lasting_.clear();
  apart_ = {};
}

FrameRef StreamWriter::block_for(std::span<const FrameRef> frames,
                                 std::span<const SubscriberId> to) {
  const bool is_taken = std::any_of(to.begin(), to.end(), [this](SubscriberId slot) {
    return connections_.at(slot).backlog == nullptr;
  });
  if (!is_taken) return {};  // each event is compressed alone, in hold_back()
  return compressed_.block(connections_.at(to.front()).framing, frames);
}

void StreamWriter::count_sent(std::uint32_t slot, std::span<const FrameRef> frames) {
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

void StreamWriter::transmit(std::uint32_t slot, std::span<const FrameRef> frames, bool ends) {
  Connection& connection = connections_.at(slot);
  if (connection.backlog) return enqueue(slot, frames, ends);
  if (ends) add_end(slot, frames);
  const SocketIo::Outcome outcome = io_.write(connection.fd, pieces_);
  const bool is_all = outcome.bytes == pieces_bytes_;
  if (ends) drop_end();
  if (outcome.status == SocketIo::Status::kFailed) return connections_.close(slot);
  connection.last_write = deadlines_.now();
  counters_.bytes_sent += outcome.bytes;
  if (!is_all) return queue_rest(slot, frames, outcome.bytes, ends);
  counters_.events_delivered += pieces_events_;
  if (is_compressed(connection.framing)) count_sent(slot, frames);
  if (ends) linger(slot);
}

void StreamWriter::add_end(std::uint32_t slot, std::span<const FrameRef> frames) {
  last_ = last_frame(slot, frames);
  const std::string_view bytes = last_.is_null() ? std::string_view() : last_.bytes();
  pieces_.push_back(bytes);
  pieces_bytes_ += bytes.size();
}

void StreamWriter::drop_end() {
  pieces_bytes_ -= pieces_.back().size();
  pieces_.pop_back();
  last_ = {};
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
