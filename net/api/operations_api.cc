#include "net/api/operations_api.h"

#include <cmath>

#include "core/base/json_write.h"
#include "core/base/time_text.h"
#include "net/api/input.h"
#include "net/metrics/process.h"

namespace progressd {
namespace {

constexpr std::size_t kStreamsPerPage = 500;
constexpr std::string_view kStreamsCursor = "streams";

void write_milliseconds(std::string_view name, double milliseconds, JsonWriter& out) {
  out.key(name);
  out.hundredths(std::llround(milliseconds * 100));
}

}  // namespace

void OperationsApi::add_routes(Router& router) {
  router.add(Method::kGet, "/v1/stats", [this](Request& q, Responder r) {
    if (!refused(may_operate(q.caller), r, kWantsAdminScope)) stats(r);
  });
  router.add(Method::kGet, "/v1/streams", [this](Request& q, Responder r) {
    if (!refused(may_operate(q.caller), r, kWantsAdminScope)) streams(q, r);
  });
  router.add(
      Method::kGet, "/healthz",
      [](Request&, Responder r) { r.reply(json_response(200, R"({"status":"ok"})")); },
      Audience::kEverybody);
  router.add(
      Method::kGet, "/readyz",
      [this](Request&, Responder r) {
        if (parts_.is_ready()) return r.reply(json_response(200, R"({"status":"ready"})"));
        const bool is_away = parts_.journal != nullptr && parts_.journal->is_away();
        r.reply(
            problem(503, is_away ? kJournalAway : "the server is starting or shutting down", 1));
      },
      Audience::kEverybody);
}

void OperationsApi::write_journal(JsonWriter& out) const {
  const JournalFigures& figures = parts_.journal->figures();
  const DurationHistogram& took = figures.commit_seconds;
  out.begin_object();
  out.key("up");
  out.boolean(parts_.journal->is_ready());
  out.key("waitingChanges");
  out.unsigned_integer(figures.waiting_changes);
  out.key("commits");
  out.unsigned_integer(figures.commits);
  out.key("changes");
  out.unsigned_integer(figures.changes);
  write_milliseconds("commitMs",  // on average
                     took.count() == 0 ? 0 : took.sum() / static_cast<double>(took.count()) * 1'000,
                     out);
  out.end_object();
}

void OperationsApi::stats(const Responder& responder) const {
  const StreamCounters& counters = parts_.streams.counters();
  JsonWriter out;
  out.begin_object();
  out.key("connections");
  out.unsigned_integer(parts_.connections.open_count());
  out.key("streams");
  out.unsigned_integer(counters.open);
  out.key("jobs");
  out.begin_object();
  for (std::size_t i = 0; i < kStates; ++i) {
    const auto state = static_cast<State>(i);
    out.key(state_name(state));
    out.unsigned_integer(parts_.jobs.count(state));
  }
  out.end_object();
  out.key("jobBytes");
  out.unsigned_integer(parts_.ledger.held_bytes());
  out.key("eventsPublished");
  out.unsigned_integer(parts_.hub.events_published());
  out.key("eventsDelivered");
  out.unsigned_integer(counters.events_delivered);
  out.key("eventsConflated");
  out.unsigned_integer(counters.events_conflated);
  out.key("streamsClosedSlow");
  out.unsigned_integer(counters.closed_as_slow);
  out.key("bytesSent");
  out.unsigned_integer(counters.bytes_sent);
  const CompressionCounters& compression = parts_.streams.compression();
  out.key("compression");
  out.begin_object();
  out.key("streams");
  out.unsigned_integer(compression.open);
  out.key("events");  // each once, however many read it
  out.unsigned_integer(compression.events);
  out.key("bytesIn");
  out.unsigned_integer(compression.bytes_in);
  out.key("bytesOut");
  out.unsigned_integer(compression.bytes_out);
  out.end_object();
  const LagMeter::Summary lag = parts_.lag.summary();
  out.key("loopLagMs");
  out.begin_object();
  write_milliseconds("p50", lag.p50_ms, out);
  write_milliseconds("p99", lag.p99_ms, out);
  write_milliseconds("max", lag.max_ms, out);
  out.end_object();
  out.field("memoryBytes", resident_bytes());
  out.key("journal");
  parts_.journal == nullptr ? out.null() : write_journal(out);
  out.key("watches");
  parts_.watches.write(out);
  out.key("limits");
  out.begin_object();
  for (const ConfigLimit& limit : limits_of(parts_.config)) out.field(limit.name, limit.value);
  out.end_object();
  out.end_object();
  responder.reply(json_response(200, out.view()));
}

void OperationsApi::write_stream(std::uint32_t slot, JsonWriter& out) const {
  const Connection& connection = parts_.connections.at(slot);
  const bool subscribed = connection.subscribed;
  Sequence last = subscribed ? parts_.hub.handed_through(slot) : 0;
  if (connection.backlog) last = connection.backlog->outbox.sent_through();
  out.begin_object();
  out.field("id", std::to_string(parts_.connections.id_of(slot)));
  out.key("user");
  connection.user == 0 ? out.null() : out.string(parts_.stream_limits.name(connection.user));
  out.field("address", parts_.io.peer(connection.fd));
  out.key("topics");
  out.begin_array();
  if (subscribed) {
    for (const std::string& name : parts_.hub.topic_names(slot)) out.string(name);
  }
  out.end_array();
  out.field("openedAt", Rfc3339(connection.opened_at).view());
  out.key("queuedBytes");
  out.unsigned_integer(connection.backlog ? connection.backlog->outbox.bytes() : 0);
  out.key("conflated");
  out.unsigned_integer(connection.conflated);
  out.key("lastEventId");
  last == 0 ? out.null() : out.string(parts_.ids.text(last));
  out.end_object();
}

void OperationsApi::streams(const Request& request, const Responder& responder) const {
  std::uint32_t slot = 0;
  if (const auto cursor = request.query("cursor")) {
    const Result<Sequence> place = read_cursor(*cursor, kStreamsCursor);
    if (!place) return responder.reply(problem(place.error()));
    slot = static_cast<std::uint32_t>(*place);
  }
  JsonWriter out;
  out.begin_object();
  out.key("streams");
  out.begin_array();
  std::size_t listed = 0;
  for (; slot < parts_.connections.slots() && listed < kStreamsPerPage; ++slot) {
    if (parts_.connections.at(slot).state != Connection::State::kStreaming) continue;
    write_stream(slot, out);
    ++listed;
  }
  out.end_array();
  out.key("next");
  slot < parts_.connections.slots() ? out.string(make_cursor(slot, kStreamsCursor)) : out.null();
  out.end_object();
  responder.reply(json_response(200, out.view()));
}

}  // namespace progressd
