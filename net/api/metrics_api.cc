#include "net/api/metrics_api.h"

#include <string>

#include "net/api/input.h"
#include "net/metrics/process.h"

namespace progressd {
namespace {

template <class T>
double number(T value) {
  return static_cast<double>(value);
}

void add_process(Exposition& out) {
  const ProcessFigures process = process_figures();
  out.counter("process_cpu_seconds_total", "CPU time of the process, of all its threads.",
              process.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM.",
            number(process.resident_bytes));
  out.gauge("process_virtual_memory_bytes", "Address space of the process.",
            number(process.virtual_bytes));
  out.gauge("process_open_fds", "File descriptors that are open.", number(process.descriptors));
  out.gauge("process_max_fds", "File descriptors that may be open.",
            number(process.descriptors_max));
  out.gauge("process_start_time_seconds", "When the process started, in seconds since 1970.",
            process.started_at);
}

}  // namespace

void MetricsApi::add_routes(Router& router) {
  router.add(Method::kGet, "/metrics", [this](Request& q, Responder r) {
    if (refused(may_operate(q.caller), r, kWantsAdminScope)) return;
    Response response;
    response.status = 200;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body = text();
    r.reply(std::move(response));
  });
}

std::string MetricsApi::text() const {
  Exposition out;
  out.gauge("progressd_build_info", "Always 1; the label says which version runs.");
  out.value(1, {{"version", PROGRESSD_VERSION}});
  add_streams(out);
  add_jobs(out);
  out.histogram("progressd_loop_lag_seconds", "How late the event loop was for a timer of 10 ms.",
                parts_.lag.histogram());
  out.counter("progressd_http_responses_total",
              "Answers by their status; an event stream is not counted here.");
  for (std::size_t status = 0; status < HttpConnections::kStatusesEnd; ++status) {
    const std::uint64_t count = parts_.http.responses()[status];
    if (count > 0) out.value(number(count), {{"code", std::to_string(status)}});
  }
  add_journal(out);
  add_watches(out);
  add_process(out);
  return out.text();
}

void MetricsApi::add_streams(Exposition& out) const {
  const StreamCounters& streams = parts_.streams.counters();
  out.gauge("progressd_connections", "Connections that are open, streams included.",
            number(parts_.connections.open_count()));
  out.gauge("progressd_streams", "Event streams that are open.", number(streams.open));
  out.counter("progressd_streams_closed_slow_total",
              "Streams closed because more waited for their reader than the outbox holds.",
              number(streams.closed_as_slow));
  out.counter("progressd_events_published_total", "Events of all topics.",
              number(parts_.hub.events_published()));
  out.counter("progressd_events_delivered_total", "Events written to readers, once for each.",
              number(streams.events_delivered));
  out.counter("progressd_events_conflated_total",
              "Progress that a slow reader did not get because newer progress took its place.",
              number(streams.events_conflated));
  out.counter("progressd_sent_bytes_total", "Bytes written to event streams.",
              number(streams.bytes_sent));
  const CompressionCounters& compression = parts_.streams.compression();
  out.gauge("progressd_compressed_streams", "Event streams that are open and compressed.",
            number(compression.open));
  out.counter("progressd_compressed_events_total",
              "Events that were compressed, each once however many read it.",
              number(compression.events));
  out.counter("progressd_compression_blocks_total", "Blocks that these events were compressed to.",
              number(compression.blocks));
  out.counter("progressd_compression_input_bytes_total", "Bytes of these events.",
              number(compression.bytes_in));
  out.counter("progressd_compression_output_bytes_total", "Bytes of these blocks.",
              number(compression.bytes_out));
  out.histogram("progressd_delivery_latency_seconds",
                "From the publication of an event to its last byte in the kernel, for each reader "
                "who was not slow.",
                parts_.streams.latency());
}

void MetricsApi::add_jobs(Exposition& out) const {
  out.gauge("progressd_jobs", "Jobs in the table, finished ones until they are forgotten.");
  for (std::size_t runner = 0; runner < kRunners; ++runner) {
    for (std::size_t state = 0; state < kStates; ++state) {
      const auto its_runner = static_cast<Runner>(runner);
      const auto its_state = static_cast<State>(state);
      out.value(number(parts_.jobs.count(its_runner, its_state)),
                {{"runner", std::string(runner_name(its_runner))},
                 {"state", std::string(state_name(its_state))}});
    }
  }
  out.gauge("progressd_channels", "Users' progress channels that hold an object.",
            number(parts_.channels.size()));
  out.gauge("progressd_job_bytes",
            "What all jobs and channels take with their histories: --max-job-bytes bounds it.",
            number(parts_.ledger.held_bytes()));
  out.counter("progressd_changes_total", "Changes of jobs and channels, by what became of them.");
  out.value(number(parts_.ledger.changes_applied()), {{"outcome", "applied"}});
  out.value(number(parts_.ledger.changes_refused()), {{"outcome", "refused"}});
  out.gauge("progressd_work_waiting_jobs", "Jobs of runner cpu that stand in line for a thread.",
            number(parts_.cpu_runner.waiting()));
  out.gauge("progressd_work_running_jobs", "Jobs of runner cpu that are on a thread.",
            number(parts_.cpu_runner.running()));
}

void MetricsApi::add_journal(Exposition& out) const {
  if (parts_.journal == nullptr) return;
  const JournalFigures& figures = parts_.journal->figures();
  out.gauge("progressd_journal_up", "Whether the journal takes changes.",
            parts_.journal->is_ready() ? 1 : 0);
  out.gauge("progressd_journal_waiting_changes", "Changes that wait for the disk.",
            number(figures.waiting_changes));
  out.summary("progressd_journal_batch_changes", "Changes that were kept in one commit.",
              figures.commits, number(figures.changes));
  out.histogram("progressd_journal_commit_seconds", "What a commit took, its sync included.",
                figures.commit_seconds);
}

void MetricsApi::add_watches(Exposition& out) const {
  if (parts_.watches.empty()) return;
  out.counter("progressd_watch_polls_total", "Polls of a watched status URL.");
  for (const auto& watch : parts_.watches.all()) {
    out.value(number(watch->polls()), {{"watch", watch->name()}});
  }
  out.counter("progressd_watch_failures_total", "Polls of a watched status URL that failed.");
  for (const auto& watch : parts_.watches.all()) {
    out.value(number(watch->polls_failed()), {{"watch", watch->name()}});
  }
  out.gauge("progressd_watch_up", "Whether the latest poll of a watched status URL went well.");
  for (const auto& watch : parts_.watches.all()) {
    out.value(watch->failure().empty() ? 1 : 0, {{"watch", watch->name()}});
  }
}

}  // namespace progressd
