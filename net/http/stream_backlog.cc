// The part of the stream writer that is about readers whose socket is full.
#include <algorithm>
#include <memory>
#include <utility>

#include "net/http/stream_writer.h"

namespace progressd {

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

void StreamWriter::queue_rest(std::uint32_t slot, std::span<const FrameRef> frames,
                              std::size_t sent, bool ends) {
  if (sent == 0 && !apart_.empty()) return hold_back(slot, apart_, ends);
  Connection& connection = connections_.at(slot);
  connection.backlog = std::make_unique<Backlog>();
  // What was sent, and what was begun, is out of conflation's reach before the rest is queued.
  Outbox& outbox = connection.backlog->outbox;
  while (!frames.empty() && sent >= frames.front().bytes().size()) {
    const FrameRef& whole = frames.front();
    sent -= whole.bytes().size();
    if (is_compressed(connection.framing)) count_sent(slot, frames.first(1));
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

}  // namespace progressd
