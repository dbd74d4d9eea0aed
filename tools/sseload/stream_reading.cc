// Why: the receiving half of StreamSet: socket → head → body → events.
//
//        scratch_   | carried bytes of a cut event | what recv() gave, framing taken out |
//                                                   └ decoded in place
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "stream_set.h"

namespace sseload {
namespace {

constexpr std::size_t kReadBytesMax = 128 * 1024;
constexpr std::size_t kEventBytesMax = 4 * 1024 * 1024;
constexpr int kReadsPerTurn = 8;

}  // namespace

void StreamSet::read(std::uint32_t number, bool hung_up, Nanoseconds now) {
  Stream& stream = streams_[number];
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    const std::size_t wanted = stream.carry_bytes + kReadBytesMax;
    if (scratch_.size() < wanted) scratch_.resize(wanted);
    const ssize_t got = recv(stream.fd, scratch_.data() + stream.carry_bytes, kReadBytesMax, 0);
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return on_end(number, End::kCut, std::strerror(errno), now);
    }
    const bool was_open = stream.state == StreamState::kOpen;
    if (got == 0) {
      const bool is_clean = was_open && stream.body.framing == BodyState::Framing::kUntilClose;
      return on_end(number, is_clean ? End::kClean : End::kCut,
                    is_clean   ? "ended without a terminal event"
                    : was_open ? "closed inside the body"
                               : "closed before the response head",
                    now);
    }
    // The clock is read after the bytes, so that a long turn does not flatter the latency.
    const Nanoseconds read_ns = now_ns();
    tally_.bytes += static_cast<std::uint64_t>(got);
    ++tally_.reads;
    if (!take_bytes(number, static_cast<std::size_t>(got), read_ns)) return;
    if (stream.state == StreamState::kStuck) return;
    // A short read has emptied the socket; the next bytes are a new edge.
    if (static_cast<std::size_t>(got) < kReadBytesMax && !hung_up) return;
  }
  unfinished_.push_back(number);
}

bool StreamSet::take_bytes(std::uint32_t number, std::size_t bytes, Nanoseconds now) {
  Stream& stream = streams_[number];
  std::size_t carried = stream.carry_bytes;
  if (carried > 0) std::memcpy(scratch_.data(), stream.carry.get(), carried);
  if (stream.state == StreamState::kHead) {
    std::size_t received = carried + bytes;
    if (!take_head(number, received, now)) return false;
    if (stream.state == StreamState::kHead) return true;
    carried = 0;
    bytes = received;
  }
  return take_body(number, carried, bytes, now);
}

/// Takes the head from the front of the scratch buffer and moves the rest there; `bytes` becomes
/// the length of that rest.
bool StreamSet::take_head(std::uint32_t number, std::size_t& bytes, Nanoseconds now) {
  Stream& stream = streams_[number];
  ResponseHead head;
  switch (parse_response_head({scratch_.data(), bytes}, head)) {
    case HeadState::kBad:
      on_end(number, End::kFailed, "not an HTTP response", now);
      return false;
    case HeadState::kIncomplete:
      keep(stream, scratch_.data(), bytes);
      return true;
    case HeadState::kComplete:
      break;
  }
  stream.carry.reset();
  stream.carry_bytes = 0;
  if (head.status == 204 && stream.was_open) {  // "you have seen the end": no further reconnect
    stream.saw_terminal = true;
    on_end(number, End::kClean, {}, now);
    return false;
  }
  if (head.status != 200 || !head.is_event_stream) {
    stream.was_open = false;
    on_end(number, End::kFailed,
           head.status == 200 ? "not text/event-stream" : "status " + std::to_string(head.status),
           now);
    return false;
  }
  if (head.is_gzip != options_.compressed) {
    stream.was_open = false;
    on_end(number, End::kFailed, head.is_gzip ? "compressed unasked" : "not compressed", now);
    return false;
  }
  if (head.is_gzip) inflaters_[number] = std::make_unique<Inflater>();
  tally_.opening.record(now - stream.since_ns);
  --in_flight_;
  ++open_;
  if (!stream.was_open) ++tally_.fates.opened;
  stream.was_open = true;
  stream.state = StreamState::kOpen;
  stream.body = head.body;
  bytes -= head.bytes;
  std::memmove(scratch_.data(), scratch_.data() + head.bytes, bytes);
  return true;
}

bool StreamSet::take_body(std::uint32_t number, std::size_t carried, std::size_t bytes,
                          Nanoseconds now) {
  Stream& stream = streams_[number];
  char* const wire = scratch_.data() + carried;
  const Decoded decoded = decode_body(stream.body, wire, bytes, wire);
  std::string_view text(scratch_.data(), carried + decoded.body_bytes);
  Inflater* const inflater = options_.compressed ? inflaters_[number].get() : nullptr;
  if (inflater != nullptr) {
    inflated_.assign(scratch_.data(), carried);
    if (!inflater->inflate(wire, decoded.body_bytes, inflated_)) {
      on_end(number, End::kCut, "bad gzip", now);
      return false;
    }
    text = inflated_;
  }
  reader_.begin(stream.sse, text);
  SseEvent event;
  while (reader_.next(event)) {
    checks_.on_event(stream, number, event, now);
    if (options_.reconnects && event.id) last_ids_[number] = *event.id;
  }
  if (options_.reconnects) {
    if (const auto retry = reader_.take_retry()) retry_ms_[number] = *retry;
  }
  const std::string_view rest = text.substr(reader_.consumed());
  if (!keep(stream, rest.data(), rest.size())) {
    on_end(number, End::kCut, "an event over 4 MiB", now);
    return false;
  }
  if (stream.body.is_bad() || decoded.wire_bytes < bytes) {
    on_end(number, End::kCut, stream.body.is_bad() ? "bad chunk framing" : "bytes after the end",
           now);
    return false;
  }
  if (stream.body.is_done()) {
    if (inflater != nullptr && !inflater->is_over()) {
      on_end(number, End::kCut, "gzip without its end", now);
      return false;
    }
    on_end(number, End::kClean, "ended without a terminal event", now);
    return false;
  }
  if (!stuck_wake_ && is_stuck_by_plan(number)) become_stuck(number);
  return true;
}

bool StreamSet::keep(Stream& stream, const char* from, std::size_t bytes) {
  if (bytes == 0) {
    stream.carry.reset();
    stream.carry_bytes = 0;
    return true;
  }
  if (bytes > kEventBytesMax) return false;
  // Exactly as much as is cut: many streams may hold a piece at one time.
  stream.carry.reset(new char[bytes]);
  std::memcpy(stream.carry.get(), from, bytes);
  stream.carry_bytes = static_cast<std::uint32_t>(bytes);
  return true;
}

}  // namespace sseload
