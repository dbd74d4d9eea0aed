#include "net/http/http_connections.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/base/ensure.h"
#include "net/http/accept_encoding.h"

namespace progressd {
namespace {

/// What one connection may read before the others have their turn, in reads of the scratch buffer's
/// size.
constexpr int kReadsMax = 4;
/// Reads per event of what a peer sends for nothing: while it reads a stream, and behind its last
/// request, where it may still be sending a body that was refused.
constexpr int kStreamReadsMax = 4;
constexpr int kLingerReadsMax = 64;

}  // namespace

HttpConnections::HttpConnections(const Parts& parts)
    : parts_(parts),
      exchanges_(parts.settings.limits,
                 [this] { return on_head(ConnectionTable::slot_of(*reading_)); }),
      heads_(parts.clock, parts.gate),
      later_turns_(parts.loop, [this](ConnectionId id) { go_on(id); }),
      scratch_(std::make_unique<std::array<char, 65536>>()) {}

ConnectionId HttpConnections::accept(int fd, bool over_limit) {
  const ConnectionId id = parts_.connections.open(fd);
  const std::uint32_t slot = ConnectionTable::slot_of(id);
  Connection& connection = parts_.connections.at(slot);
  connection.exchange = exchanges_.take();
  connection.over_limit = over_limit;
  parts_.deadlines.set(
      slot, parts_.deadlines.now() + Deadlines::ticks(parts_.settings.header_timeout_ms));
  return id;
}

bool HttpConnections::is_http(ConnectionId id) {
  const Connection* connection = parts_.connections.find(id);
  return connection != nullptr && connection->state == Connection::State::kHttp;
}

void HttpConnections::on_ready(ConnectionId id, Ready ready) {
  const Connection* connection = parts_.connections.find(id);
  if (connection == nullptr) return;
  const std::uint32_t slot = ConnectionTable::slot_of(id);
  if (connection->state == Connection::State::kHttp) {
    Exchange& exchange = *connection->exchange;
    exchange.readable = exchange.readable || ready.readable;
    exchange.hung_up = exchange.hung_up || ready.hung_up;
    return pump(slot);
  }
  if (ready.readable) discard_input(slot);
  if (!ready.writable || parts_.connections.find(id) == nullptr) return;
  parts_.streams.on_writable(slot);
  if (!openings_.empty() && connection->state == Connection::State::kStreaming) {
    go_on_opening(slot);
  }
}

void HttpConnections::go_on(ConnectionId id) {
  const Connection* connection = parts_.connections.find(id);
  if (connection == nullptr) return;
  const std::uint32_t slot = ConnectionTable::slot_of(id);
  if (connection->state == Connection::State::kHttp) return pump(slot);
  discard_input(slot);
  if (connection->state == Connection::State::kStreaming) go_on_opening(slot);
}

void HttpConnections::go_on_later(std::uint32_t slot) {
  later_turns_.add(parts_.connections.id_of(slot));
}

void HttpConnections::discard_input(std::uint32_t slot) {
  const Connection& connection = parts_.connections.at(slot);
  const bool lingers = connection.state == Connection::State::kLingering;
  for (int reads = 0; reads < (lingers ? kLingerReadsMax : kStreamReadsMax); ++reads) {
    const SocketIo::Outcome outcome = parts_.io.read(connection.fd, *scratch_);
    if (outcome.status == SocketIo::Status::kWouldBlock) return;
    if (outcome.status != SocketIo::Status::kOk) return parts_.connections.close(slot);
  }
  if (!lingers) parts_.connections.close(slot);  // it sends what nobody asked for
}

void HttpConnections::pump(std::uint32_t slot) {
  const ConnectionId id = parts_.connections.id_of(slot);
  std::size_t answered = 0;
  for (int reads = 0; is_http(id);) {
    Connection& connection = parts_.connections.at(slot);
    Exchange& exchange = *connection.exchange;
    if (!send(slot)) return;
    const bool all_sent = exchange.out.empty();
    if (exchange.closes) {
      if (all_sent) leave(slot);
      return;
    }
    if (exchange.awaits_answer || exchange.is_full()) return;
    if (!exchange.held.empty()) {
      if (answered >= parts_.settings.pipelined_max) return go_on_later(slot);
      take_input(slot, std::exchange(exchange.held, {}), answered);
      continue;
    }
    if (exchange.peer_done) {
      // What was asked is answered; nothing more comes.
      if (all_sent) parts_.connections.close(slot);
      return;
    }
    if (!exchange.readable) return;
    if (++reads > kReadsMax) return go_on_later(slot);
    const SocketIo::Outcome outcome = parts_.io.read(connection.fd, *scratch_);
    if (outcome.status == SocketIo::Status::kFailed) return parts_.connections.close(slot);
    exchange.peer_done = outcome.status == SocketIo::Status::kEnd;
    // A short read emptied the socket; the next edge tells when there is more. But the end of the
    // input may have come with this edge already.
    const bool emptied = outcome.bytes < scratch_->size() && !exchange.hung_up;
    exchange.readable = outcome.status == SocketIo::Status::kOk && !emptied;
    if (outcome.status == SocketIo::Status::kOk) {
      take_input(slot, {scratch_->data(), outcome.bytes}, answered);
    }
  }
}

void HttpConnections::leave(std::uint32_t slot) {
  const Exchange& exchange = *parts_.connections.at(slot).exchange;
  if (exchange.peer_done) return parts_.connections.close(slot);
  if (exchange.readable) go_on_later(slot);  // to read away what it still sends
  parts_.streams.linger(slot);
}

void HttpConnections::take_input(std::uint32_t slot, std::string_view bytes,
                                 std::size_t& answered) {
  const ConnectionId id = parts_.connections.id_of(slot);
  ENSURE(!reading_);
  reading_ = id;
  while (is_http(id) && !bytes.empty()) {
    Exchange& exchange = *parts_.connections.at(slot).exchange;
    if (exchange.closes) break;  // what follows the last request is nobody's
    if (exchange.awaits_answer || exchange.is_full() || answered >= parts_.settings.pipelined_max) {
      exchange.held.append(bytes);
      break;
    }
    RequestParser& parser = exchange.parser;
    const RequestParser::Stage before = parser.stage();
    bytes.remove_prefix(parser.feed(bytes));
    if (exchange.closes) break;  // by on_head()
    if (parser.take_continue()) exchange.out.append("HTTP/1.1 100 Continue\r\n\r\n");
    if (parser.stage() == RequestParser::Stage::kFailed) {
      refuse(slot, parser.error_status(), parser.error_detail());
    } else if (parser.stage() == RequestParser::Stage::kComplete) {
      ++answered;
      dispatch(slot);
    } else if (parser.stage() != before) {
      plan(slot);
    }
  }
  reading_.reset();
}

void HttpConnections::dispatch(std::uint32_t slot) {
  Connection& connection = parts_.connections.at(slot);
  Exchange& exchange = *connection.exchange;
  exchange.awaits_answer = true;
  Request& request = exchange.parser.request();
  const ConnectionId id = parts_.connections.id_of(slot);
  if (is_left_unanswered(request)) return parts_.connections.close(slot);
  if (std::optional<Response> answer = turned_away(connection)) {
    return reply(id, std::move(*answer));
  }
  parts_.router.dispatch(request, Responder(*this, id));
}

std::optional<Response> HttpConnections::turned_away(const Connection& connection) const {
  if (!draining_ && !connection.over_limit) {
    const Request& request = connection.exchange->parser.request();
    if (!request.is_read() && exchanges_.answers().bar_changes()) return WaitingAnswers::refusal();
    // Where its route is known, the gate let its head pass.
    return request.route != nullptr ? std::nullopt : parts_.gate.turned_away(request);
  }
  Response busy = problem(503, draining_ ? "the server is shutting down" : "too many connections",
                          draining_ ? 1 : 5);
  busy.close = true;
  return busy;
}

bool HttpConnections::on_head(std::uint32_t slot) {
  if (!parts_.gate.is_auth_on()) return true;  // nobody is a stranger
  const Connection& connection = parts_.connections.at(slot);
  Request& request = connection.exchange->parser.request();
  if (is_left_unanswered(request)) return true;  // and that is done without an answer
  std::optional<Response> answer = turned_away(connection);
  if (!answer) answer = parts_.router.refusal(request);
  if (!answer) return true;
  write(slot, *answer, request.method == Method::kHead, /*keep_alive=*/false,
        request.minor_version);
  return false;
}

Framing HttpConnections::framing(ConnectionId id) const {
  const Connection* connection = parts_.connections.find(id);
  if (connection == nullptr || connection->exchange == nullptr) return Framing::kChunked;  // gone
  const Framing framing = stream_framing(connection->exchange->parser.request());
  return is_compressed(framing) ? Framing::kUntilClose : framing;
}

Framing HttpConnections::stream_framing(const Request& request) const {
  const bool chunked = request.minor_version != 0;
  const bool compressed = parts_.streams.compresses() && wants_compressed_stream(request);
  if (compressed) return chunked ? Framing::kGzipChunked : Framing::kGzipUntilClose;
  return chunked ? Framing::kChunked : Framing::kUntilClose;
}

void HttpConnections::reply(ConnectionId id, Response response) {
  if (!is_http(id)) return;
  const std::uint32_t slot = ConnectionTable::slot_of(id);
  Exchange& exchange = *parts_.connections.at(slot).exchange;
  ENSURE(exchange.awaits_answer);
  exchange.awaits_answer = false;
  const Request& request = exchange.parser.request();
  if (request.method == Method::kGet && !exchange.has_room_for(response.body.size())) {
    response = WaitingAnswers::refusal();
  }
  write(slot, response, request.method == Method::kHead, request.keep_alive, request.minor_version);
  exchange.parser.next();
  answered(slot);
}

void HttpConnections::answered(std::uint32_t slot) {
  if (!reading_) return pump(slot);
  if (*reading_ != parts_.connections.id_of(slot)) go_on_later(slot);
}

void HttpConnections::write(std::uint32_t slot, const Response& response, bool is_head,
                            bool keep_alive, int minor_version) {
  Exchange& exchange = *parts_.connections.at(slot).exchange;
  ++responses_[static_cast<std::size_t>(response.status)];
  const bool stays = keep_alive && !response.close;
  append_response(response, {minor_version, stays, is_head}, heads_.date(),
                  parts_.gate.header_lines(exchange.parser.request()), exchange.out);
  exchange.count();
  exchange.closes = exchange.closes || !stays;
}

void HttpConnections::refuse(std::uint32_t slot, int status, std::string_view detail) {
  Exchange& exchange = *parts_.connections.at(slot).exchange;
  const int retry_after_seconds = status == 503 ? 1 : 0;
  write(slot, problem(status, detail, retry_after_seconds), exchange.parser.is_head(), false, 1);
}

bool HttpConnections::stream(ConnectionId id, StreamStart start) {
  if (!is_http(id)) return false;
  const std::uint32_t slot = ConnectionTable::slot_of(id);
  Connection& connection = parts_.connections.at(slot);
  Exchange& exchange = *connection.exchange;
  ENSURE(exchange.awaits_answer);
  const Request& request = exchange.parser.request();
  connection.framing = stream_framing(request);
  const bool varies = parts_.streams.compresses();
  if (request.method == Method::kHead) {
    append_stream_head(connection.framing, varies, heads_.date(), parts_.gate.header_lines(request),
                       exchange.out);
    exchange.awaits_answer = false;
    exchange.closes = true;
    answered(slot);
    return false;
  }
  const Result<StreamTerms> terms = admit(slot, request);
  if (!terms) {
    reply(id, problem(terms.error()));
    return false;
  }
  if (std::optional<Response> refusal = parts_.gate.admit_stream(request)) {
    parts_.stream_limits.end(terms->user, slot);
    reply(id, std::move(*refusal));
    return false;
  }
  std::vector<FrameRef>& opening = start.opening;
  parts_.streams.compress_opening(connection.framing, opening);
  opening.insert(opening.begin(), heads_.stream_head(request, connection.framing, varies));
  if (exchange.sent < exchange.out.size()) {  // answers to requests before this one
    opening.emplace(opening.begin(), std::string_view(exchange.out).substr(exchange.sent));
  }
  if (exchange.readable) go_on_later(slot);  // what it still sends, or its end
  exchanges_.give(std::move(connection.exchange));
  const bool ends = !start.live && start.rest == nullptr;
  parts_.streams.begin(slot, opening, ends, *terms);
  if (connection.state != Connection::State::kStreaming) return true;
  if (start.live) subscribe(slot, std::move(*start.live));
  if (start.rest == nullptr) return true;
  openings_.emplace(id, std::move(start.rest));
  if (!connection.backlog) go_on_later(slot);
  return true;
}

Result<StreamTerms> HttpConnections::admit(std::uint32_t slot, const Request& request) {
  StreamTerms terms;
  terms.wall_at = parts_.clock.wall_at();
  terms.age = static_cast<double>(parts_.random.next() >> 11) / 9007199254740992.0;
  if (request.caller.expires_at != 0) {
    terms.expires_in_ms = request.caller.expires_at * 1'000 - terms.wall_at;
  }
  const std::string address = parts_.stream_limits.wants_addresses()
                                  ? parts_.io.peer(parts_.connections.at(slot).fd)
                                  : std::string();
  return parts_.stream_limits.begin(request.caller, address, slot).map([&](StreamUser user) {
    terms.user = user;
    return terms;
  });
}

void HttpConnections::subscribe(std::uint32_t slot, StreamLive live) {
  Connection& connection = parts_.connections.at(slot);
  if (connection.subscribed) parts_.hub.unsubscribe(slot);
  connection.subscribed = true;
  parts_.hub.subscribe(slot, std::move(live.query), {live.dialect, connection.framing},
                       live.seen_through);
}

void HttpConnections::go_on_opening(std::uint32_t slot) {
  const Connection& connection = parts_.connections.at(slot);
  const auto found = openings_.find(parts_.connections.id_of(slot));
  // One whose reader has enough to take is gone on with when the socket has room again.
  if (found == openings_.end() || connection.ends) return;
  if (connection.backlog && connection.backlog->opening_bytes > 0) return;
  std::vector<FrameRef> frames;
  if (!found->second->next(frames)) {
    parts_.streams.go_on_opening(slot, std::move(frames), /*ends=*/false);
    if (connection.state == Connection::State::kStreaming) go_on_later(slot);
    return;
  }
  parts_.hub.flush();  // what was told meanwhile stands before the last piece, which has its id
  if (connection.state != Connection::State::kStreaming) return;
  std::optional<StreamLive> live = found->second->live();
  parts_.streams.go_on_opening(slot, std::move(frames), !live);
  if (live && connection.state == Connection::State::kStreaming) subscribe(slot, std::move(*live));
  // Its dialect may be read until the slot is freed; then forget() comes.
  if (live && connection.state == Connection::State::kStreaming) openings_.erase(found);
}

void HttpConnections::forget(std::uint32_t slot) {
  openings_.erase(parts_.connections.id_of(slot));
}

bool HttpConnections::send(std::uint32_t slot) {
  const Connection& connection = parts_.connections.at(slot);
  Exchange& exchange = *connection.exchange;
  bool wrote = false;
  while (exchange.unsent() > 0) {
    const std::string_view rest = std::string_view(exchange.out).substr(exchange.sent);
    const SocketIo::Outcome outcome = parts_.io.write(connection.fd, {&rest, 1});
    if (outcome.status == SocketIo::Status::kFailed) {
      parts_.connections.close(slot);
      return false;
    }
    if (outcome.status == SocketIo::Status::kWouldBlock) break;
    exchange.sent += outcome.bytes;
    wrote = true;
  }
  if (wrote) {
    exchange.drop_sent();
    plan(slot);  // the peer makes progress
  }
  return true;
}

void HttpConnections::plan(std::uint32_t slot) {
  const Exchange& exchange = *parts_.connections.at(slot).exchange;
  const RequestParser::Stage stage = exchange.parser.stage();
  Millis limit = parts_.settings.body_timeout_ms;  // for a body, or for room for a response
  if (stage == RequestParser::Stage::kIdle && exchange.unsent() == 0) {
    limit = parts_.settings.idle_timeout_ms;
  }
  if (stage == RequestParser::Stage::kHead) limit = parts_.settings.header_timeout_ms;
  parts_.deadlines.set(slot, parts_.deadlines.now() + Deadlines::ticks(limit));
}

void HttpConnections::on_due(std::uint32_t slot) {
  Connection& connection = parts_.connections.at(slot);
  if (connection.state != Connection::State::kHttp) return parts_.streams.on_due(slot);
  Exchange& exchange = *connection.exchange;
  const RequestParser::Stage stage = exchange.parser.stage();
  if (exchange.awaits_answer) return plan(slot);
  if (exchange.unsent() > 0 || stage == RequestParser::Stage::kIdle) {
    return parts_.connections.close(slot);
  }
  refuse(
      slot, 408,
      stage == RequestParser::Stage::kHead ? "the header took too long" : "the body took too long");
  pump(slot);
}

}  // namespace progressd
