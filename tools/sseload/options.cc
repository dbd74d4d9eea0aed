#include "options.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "flags.h"

namespace sseload {
namespace {

constexpr const char* kFooter =
    "Durations: 250us, 500ms, 15s, 2m. Exit status: 0 all checks held; 1 events lost, duplicated "
    "or\n"
    "reordered, connections dropped, or publishing failed; 2 bad flags.\n\n"
    "Stream number t reads what target t (modulo --publish-targets) is told. Examples:\n"
    "  10,000 idle streams, memory of the server per stream:\n"
    "    sseload http://127.0.0.1:8080/events/{i} -c 10000 --pid 4711 --memory-marks 1000\n"
    "  1,000 readers of one channel, as fast as they take it, nothing coalesced:\n"
    "    sseload http://127.0.0.1:8080/events -c 1000 --publish-url /publish --publish-window 1\n"
    "      --publish-body '{\"n\":{iseq},\"at\":{now_us}}' --seq-field n --expect-step 1 "
    "--time-field at\n"
    "  5,000 jobs with a reader each, 10,000 updates per second, 50 to a request:\n"
    "    sseload http://127.0.0.1:8080/jobs/{i}/events -c 5000 --publish-targets 5000\n"
    "      --publish-url /reports --publish-content-type application/x-ndjson --publish-lines 50\n"
    "      --publish-rate 10000 --publish-body "
    "'{\"job\":\"{i}\",\"done\":{iseq},\"message\":\"{now_us}\"}'\n"
    "      --seq-field done --expect-step 1 --time-field message --expect-events published";

/// Keeps the first error; what is wrong with a flag is told with the flag's name.
class Reader {
 public:
  template <class T>
  T take(const char* flag, Result<T> result) {
    if (result) return std::move(*result);
    fail(fmt::format("{}: {}", flag, result.error().detail));
    return T{};
  }
  void require(bool condition, std::string_view otherwise) {
    if (!condition) fail(std::string(otherwise));
  }
  std::vector<TextTemplate> take_headers(const char* flag, const std::vector<std::string>& lines) {
    std::vector<TextTemplate> headers;
    for (const std::string& line : lines) {
      const size_t colon = line.find(':');
      if (colon == 0 || colon == std::string::npos ||
          line.find_first_of("\r\n") != std::string::npos) {
        fail(fmt::format("{}: '{}' is not 'Name: value'", flag, line));
      }
      headers.emplace_back(line);
    }
    return headers;
  }
  void fail(std::string detail) {
    if (!error_) error_ = Error{std::move(detail)};
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  std::optional<Error> error_;
};

void read_streams(Reader& reader, const Flags& flags, StreamOptions& streams) {
  streams.url = reader.take("URL", parse_target_url(flags.url));
  streams.path = TextTemplate(streams.url.path);
  streams.headers = reader.take_headers("--header", flags.headers);
  if (flags.ramp != "0") streams.ramp_per_second = reader.take("--ramp", parse_rate(flags.ramp));
  streams.connect_timeout_ns =
      reader.take("--connect-timeout", parse_duration(flags.connect_timeout));
  streams.reconnect_delay_ns =
      reader.take("--reconnect-delay", parse_duration(flags.reconnect_delay));
  if (!flags.source_addresses.empty()) {
    streams.source_addresses =
        reader.take("--source-addresses", parse_source_addresses(flags.source_addresses));
    reader.require(streams.url.address.ss_family == AF_INET,
                   "--source-addresses: needs an IPv4 target");
  }
  if (!flags.stuck.empty()) streams.stuck = reader.take("--stuck", parse_share(flags.stuck));
  if (!flags.stuck_for.empty())
    streams.stuck_for_ns = reader.take("--stuck-for", parse_duration(flags.stuck_for));
  reader.require(flags.stuck_for.empty() || streams.stuck.part > 0, "--stuck-for: needs --stuck");
  reader.require(streams.url.is_loopback || flags.allows_remote,
                 "URL: not a loopback address; --allow-remote says that this is meant");
}

/// The kernel's search for a free port gets slow once half of an address's ports are taken (it
/// tries all even ones first): 18,000 streams from one address open ten times slower than from two.
void spread_sources(const Flags& flags, StreamOptions& streams) {
  constexpr std::uint32_t kStreamsPerSource = 10'000;
  const bool is_ipv4_loopback = streams.url.is_loopback && streams.url.address.ss_family == AF_INET;
  if (!flags.source_addresses.empty() || !is_ipv4_loopback) return;
  if (streams.connections <= kStreamsPerSource) return;
  const std::uint32_t count = (streams.connections + kStreamsPerSource - 1) / kStreamsPerSource;
  if (auto addresses = parse_source_addresses(std::to_string(count))) {
    streams.source_addresses = std::move(*addresses);
  }
}

void read_checks(Reader& reader, const Flags& flags, CheckOptions& checks) {
  checks.checks_ids = flags.id_order == "auto";
  checks.seq.has_first = flags.expect_first.has_value();
  checks.seq.first = flags.expect_first.value_or(0);
  if (checks.terminal_events.empty()) checks.terminal_events = {"completed", "failed", "cancelled"};
  checks.expects_published = flags.expect_events == "published";
  if (!flags.expect_events.empty() && !checks.expects_published) {
    const auto number = parse_marks(flags.expect_events);
    reader.require(number && number->size() == 1,
                   "--expect-events: neither a number nor 'published'");
    if (number) checks.expected_events = number->front();
  }
  const bool body_has_ns = flags.publish_body.find("{now_ns}") != std::string::npos;
  const std::string unit = flags.time_unit.empty() ? (body_has_ns ? "ns" : "us") : flags.time_unit;
  checks.time_unit_ns = unit == "ns" ? 1 : unit == "us" ? kMicrosecond : kMillisecond;
  checks.time_clock = flags.time_clock == "wall" ? CLOCK_REALTIME : CLOCK_MONOTONIC;
  if (!flags.pace.empty()) checks.pace_ns = reader.take("--pace", parse_duration(flags.pace));
  const bool has_seq = !checks.seq_field.empty();
  reader.require(has_seq || checks.seq.step == 0, "--expect-step: needs --seq-field");
  reader.require(has_seq || !flags.expect_first, "--expect-first: needs --seq-field");
  reader.require(has_seq || checks.pace_ns == 0, "--pace: needs --seq-field");
  reader.require(checks.time_field.empty() || checks.pace_ns == 0,
                 "--pace: not beside --time-field");
}

void read_publishing(Reader& reader, const Flags& flags, Options& options) {
  PublishOptions& publish = options.publish;
  publish.is_on = !flags.publish_url.empty();
  if (!publish.is_on) {
    reader.require(flags.publish_body.empty() && publish.count == 0, "--publish-url: missing");
    reader.require(!options.checks.expects_published,
                   "--expect-events published: needs --publish-url");
    return;
  }
  publish.url =
      reader.take("--publish-url", parse_target_url(flags.publish_url, &options.streams.url));
  reader.require(publish.url.is_loopback || flags.allows_remote,
                 "--publish-url: not a loopback address; --allow-remote says that this is meant");
  publish.path = TextTemplate(publish.url.path);
  publish.headers = reader.take_headers("--publish-header", flags.publish_headers);
  publish.headers.insert(publish.headers.begin(), options.streams.headers.begin(),
                         options.streams.headers.end());
  publish.body = TextTemplate(flags.publish_body);
  publish.per_second = reader.take("--publish-rate", parse_rate(flags.publish_rate));
  publish.connections = std::min(publish.connections, publish.targets);
  reader.require(
      !publish.method.empty() && publish.method.find_first_of(" \r\n") == std::string::npos,
      "--publish-method: not a method");
  reader.require(publish.content_type.find_first_of("\r\n") == std::string::npos,
                 "--publish-content-type: holds a line end");
  reader.require(!publish.stamps_due_time || publish.per_second > 0,
                 "--stamp-due: needs --publish-rate");
  reader.require(publish.window == 0 || options.streams.connections > 0,
                 "--publish-window: needs streams, whose readers it waits for");
}

void read_run(Reader& reader, const Flags& flags, Options& options) {
  const std::string default_hold = options.publish.count > 0 ? "5m" : "10s";
  options.hold_ns =
      reader.take("--hold", parse_duration(flags.hold.empty() ? default_hold : flags.hold));
  options.warmup_ns = reader.take("--warmup", parse_duration(flags.warmup));
  options.settle_ns_max = reader.take("--settle", parse_duration(flags.settle));
  options.open_ns_max = reader.take("--open-timeout", parse_duration(flags.open_timeout));
  options.mark_pause_ns = reader.take("--mark-pause", parse_duration(flags.mark_pause));
  if (!flags.memory_marks.empty())
    options.memory_marks = reader.take("--memory-marks", parse_marks(flags.memory_marks));
  reader.require(options.memory_marks.empty() || !options.pids.empty(),
                 "--memory-marks: needs --pid");
  std::erase_if(options.memory_marks,
                [&](std::uint64_t mark) { return mark >= options.streams.connections; });
}

}  // namespace

Result<std::optional<Options>> parse_options(int argc, char** argv) {
  CLI::App app{
      "sseload: opens many server-sent event streams, publishes, checks every event, measures",
      "sseload"};
  app.footer(kFooter);
  Flags flags;
  Options options;
  add_flags(app, flags, options);
  try {  // CLI11 reports by throwing; it goes no further than here
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return Error{error.what()};
    app.exit(error);
    return std::optional<Options>();
  }
  Reader reader;
  read_streams(reader, flags, options.streams);
  spread_sources(flags, options.streams);
  read_checks(reader, flags, options.checks);
  read_publishing(reader, flags, options);
  read_run(reader, flags, options);
  if (const auto& error = reader.error()) return *error;
  return std::optional<Options>(std::move(options));
}

}  // namespace sseload
