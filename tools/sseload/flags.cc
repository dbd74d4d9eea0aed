#include "flags.h"

namespace sseload {
namespace {

constexpr std::uint32_t kConnectionsMax = 4'000'000;

void add_stream_flags(CLI::App& app, Flags& flags, StreamOptions& streams) {
  const auto* const group = "Streams";
  app.add_option("URL", flags.url, "http://HOST:PORT/PATH; the path may hold {i} and {i%K}")
      ->required();
  app.add_option("-c,--connections", streams.connections, "streams to open; 0 only publishes")
      ->check(CLI::Range(0U, kConnectionsMax))
      ->capture_default_str()
      ->group(group);
  app.add_option("-H,--header", flags.headers, "'Name: value' on every request; may hold {i}")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--ramp", flags.ramp, "connections per second, or 0 or max: as fast as possible")
      ->capture_default_str()
      ->group(group);
  app.add_option("--in-flight", streams.in_flight_max, "streams being opened at one time")
      ->check(CLI::Range(1U, 65535U))
      ->capture_default_str()
      ->group(group);
  app.add_option("--connect-timeout", flags.connect_timeout, "from connect to the response head")
      ->capture_default_str()
      ->group(group);
  app.add_option("--open-timeout", flags.open_timeout, "bound for the whole ramp")
      ->capture_default_str()
      ->group(group);
  app.add_option("--source-addresses", flags.source_addresses,
                 "COUNT (from 127.0.0.2), a list or FIRST-LAST; default: the usual one, and on "
                 "loopback one for each 10,000 streams if there are more")
      ->group(group);
  app.add_option("--stuck", flags.stuck, "share that never reads after the response head: 1/10, 5%")
      ->group(group);
  app.add_option("--stuck-for", flags.stuck_for, "stuck streams read again so long after the ramp")
      ->group(group);
  app.add_option("--receive-buffer", streams.receive_buffer_bytes,
                 "SO_RCVBUF of a stream, in bytes")
      ->check(CLI::Range(0, 1 << 30))
      ->group(group);
  app.add_option(
         "--segment-bytes", streams.segment_bytes,
         "TCP_MAXSEG of a stream: 1448 is an Ethernet's; loopback's 65483 lets the server's "
         "kernel keep megabytes for a reader that never reads")
      ->check(CLI::Range(536, 32767))
      ->group(group);
  app.add_flag("--compressed", streams.compressed,
               "ask for gzip, and inflate every stream; one that comes plain fails")
      ->group(group);
  app.add_flag("--reconnect", streams.reconnects, "reconnect with Last-Event-ID when a stream ends")
      ->group(group);
  app.add_option("--reconnect-delay", flags.reconnect_delay, "instead of the server's retry:")
      ->group(group);
  app.add_flag("--allow-end", streams.allows_end, "a stream may end without a terminal event")
      ->group(group);
  app.add_flag("--allow-remote", flags.allows_remote, "aim at another machine")->group(group);
}

void add_check_flags(CLI::App& app, Flags& flags, CheckOptions& checks) {
  const auto* const group = "Checks and latency";
  app.add_option("--id-order", flags.id_order, "auto: ids rise within a stream; none: not checked")
      ->check(CLI::IsMember({"auto", "none"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--seq-field", checks.seq_field, "JSON field with a number that must not fall")
      ->group(group);
  app.add_option("--expect-step", checks.seq.step, "that number rises by exactly this")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->group(group);
  app.add_option("--expect-first", flags.expect_first, "that number in a stream's first event")
      ->group(group);
  app.add_option("--expect-events", flags.expect_events,
                 "events that each stream must get: a number, or 'published'")
      ->group(group);
  app.add_option("--terminal-event", checks.terminal_events, "names after which a stream may end")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->default_str("completed,failed,cancelled")
      ->group(group);
  app.add_option("--unchecked-event", checks.unchecked_events,
                 "names that no check, number or expectation counts, such as snapshot")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--forbid-event", checks.forbidden_events, "names that fail the run, such as gap")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--time-field", checks.time_field, "JSON field with the time stamp of the event")
      ->group(group);
  app.add_option("--time-unit", flags.time_unit, "ns, us or ms; default: as in the publish body")
      ->check(CLI::IsMember({"ns", "us", "ms"}))
      ->group(group);
  app.add_option("--time-clock", flags.time_clock, "clock of the time stamps: monotonic or wall")
      ->check(CLI::IsMember({"monotonic", "wall"}))
      ->capture_default_str()
      ->group(group);
  app.add_option("--pace", flags.pace,
                 "the number rises by 1 each such DURATION: latency is lateness against that pace")
      ->group(group);
}

void add_publish_flags(CLI::App& app, Flags& flags, PublishOptions& publish) {
  const auto* const group = "Publishing";
  const auto positive = CLI::Range(1U, 10'000'000U);
  app.add_option("--publish-url", flags.publish_url,
                 "URL or path on the same host; may hold {i} {iseq} {seq}")
      ->group(group);
  app.add_option("--publish-method", publish.method, "")->capture_default_str()->group(group);
  app.add_option("--publish-body", flags.publish_body,
                 "may hold {i} {i%K} {iseq} (from 1, per target) {seq} (from 1) {now_us} {now_ns}")
      ->group(group);
  app.add_option("--publish-content-type", publish.content_type, "")
      ->capture_default_str()
      ->group(group);
  app.add_option("--publish-header", flags.publish_headers, "'Name: value', besides --header")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--publish-rate", flags.publish_rate, "events per second, or max")
      ->capture_default_str()
      ->group(group);
  app.add_option("--publish-connections", publish.connections, "a target keeps to one of them")
      ->check(CLI::Range(1U, 10'000U))
      ->capture_default_str()
      ->group(group);
  app.add_option("--pipeline", publish.pipeline, "requests on their way on each")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str()
      ->group(group);
  app.add_option("--publish-lines", publish.lines, "bodies, a line each, in one request (NDJSON)")
      ->check(CLI::Range(1U, 100'000U))
      ->capture_default_str()
      ->group(group);
  app.add_option("--publish-targets", publish.targets, "{i} goes round from 0 to N-1")
      ->check(positive)
      ->capture_default_str()
      ->group(group);
  app.add_option("--publish-count", publish.count,
                 "events in all; default: for the --hold duration")
      ->group(group);
  app.add_option("--publish-window", publish.window,
                 "events that readers may lag behind before publishing waits; 1: no coalescing")
      ->group(group);
  app.add_flag("--stamp-due", publish.stamps_due_time,
               "with a rate: {now_us} is when the event was due, not when it was sent")
      ->group(group);
  app.add_option("--publish-accepted-field", publish.accepted_field,
                 "number in the answer that must equal the lines sent, such as accepted")
      ->group(group);
}

void add_run_flags(CLI::App& app, Flags& flags, Options& options) {
  const auto* const group = "Run and report";
  app.add_option("--hold", flags.hold, "how long to stay; a bound with --publish-count (10s; 5m)")
      ->group(group);
  app.add_option("--warmup", flags.warmup, "first part of --hold, left out of rates and latency")
      ->capture_default_str()
      ->group(group);
  app.add_option("--settle", flags.settle, "longest wait for the last events after publishing")
      ->capture_default_str()
      ->group(group);
  app.add_option("--pid", options.pids, "server process to measure; repeatable, summed up")
      ->check(CLI::PositiveNumber)
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--memory-marks", flags.memory_marks,
                 "measure memory at so many streams: 1000,10000")
      ->group(group);
  app.add_option("--mark-pause", flags.mark_pause, "wait before each memory mark")
      ->capture_default_str()
      ->group(group);
  app.add_option("--json", options.json_path, "write the result there; - is standard output")
      ->group(group);
  app.add_flag("-q,--quiet", options.is_quiet, "no live line and no table")->group(group);
}

}  // namespace

void add_flags(CLI::App& app, Flags& flags, Options& options) {
  add_stream_flags(app, flags, options.streams);
  add_check_flags(app, flags, options.checks);
  add_publish_flags(app, flags, options.publish);
  add_run_flags(app, flags, options);
}

}  // namespace sseload
