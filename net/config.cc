#include "net/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

#include "core/base/time_text.h"
#include "net/config_access.h"
#include "net/config_action.h"
#include "net/config_flags.h"
#include "net/config_sources.h"
#include "net/http/listening_socket.h"

namespace progressd {
namespace {

constexpr std::size_t kJobThreadsMax = 512;
constexpr std::size_t kWatchesMax = 1'000;
constexpr std::string_view kVersion = PROGRESSD_VERSION;

/// Whether a file is named where a scheme was to stand before it.
bool is_path(std::string_view url) {
  return url.find(':') == std::string_view::npos &&
         url.find_first_of("./") != std::string_view::npos;
}

void add_config_flag(CLI::App& app) {
  Flags(app, "Configuration")
      .parsed("--config", "Read this TOML file: max-jobs = 1000 means --max-jobs=1000", "PATH", "",
              [](const std::string&) {});  // ConfigSources read it
}

void add_network_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Network");
  flags.finish(app.add_option("--listen", config.listen,
                              "Address to listen on; several: again, or with commas. Port 0: any. "
                              "Sockets that systemd passes take its place")
                   ->type_name("ADDRESS:PORT")
                   ->delimiter(',')
                   ->default_str(config.listen.front()),
               "--listen");
  flags.on_off("--insecure", config.insecure,
               "Listen on other addresses than loopback although nobody has to say who they are");
  flags.duration("--drain", config.drain_ms,
                 "After SIGTERM, streams are ended spread over this time");
  flags.on_off("--reuse-port", config.reuse_port,
               "Come up beside another progressd on the same addresses, and take its new "
               "connections and its journal over; then end that one with SIGTERM");
  flags.duration("--takeover-wait", config.takeover_wait_ms,
                 "With --reuse-port, how long to wait for a journal that another process has");
}

void add_job_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Jobs");
  flags.parsed("--journal",
               "Where changes are kept: memory:, nothing survives a restart, or sqlite:PATH", "URL",
               config.journal, [&config](const std::string& url) {
                 if (is_path(url)) {
                   throw CLI::ValidationError("--journal",
                                              fmt::format("'{0}': did you mean sqlite:{0}?", url));
                 }
                 if (!sqlite_path(url)) check_member("--journal", url, {"memory:", "sqlite:PATH"});
                 config.journal = url;
               });
  flags.parsed("--durability",
               "With sqlite: full, what was answered survives a power cut, or relaxed, it survives "
               "the program's end",
               "LEVEL", "full", [&config](const std::string& level) {
                 check_member("--durability", level, {"full", "relaxed"});
                 config.journal_synced = level == "full";
               });
  flags.bytes("--journal-log-bytes", config.journal_log_bytes_min,
              "With sqlite: the log of changes is cut off when it has grown by so much. Less makes "
              "a start shorter, and more is written");
  flags.count("--history-events", config.history.events_max,
              "Events kept for each job or channel, for streams that resume");
  flags.bytes("--history-bytes", config.history.bytes_max,
              "Bytes of their messages or objects; 0: any. The latest event is always kept");
  flags.duration("--retain-finished", config.retain_finished_ms,
                 "How long a job is kept after its end");
  flags.count("--max-jobs", config.jobs.jobs_max, "Jobs at once, finished ones included; 0: any");
  flags.bytes("--max-job-bytes", config.job_bytes_max,
              "What all jobs and channels may take with their histories before none is created and "
              "nothing posted any more; 0: any");
  flags.count("--max-idempotency-keys", config.jobs.idempotency_keys_max,
              "Idempotency keys at once, each kept for 24 h; 0: any");
  flags.count("--job-threads", config.job_threads,
              "Threads that run jobs of runner cpu, at a lower priority than the server's",
              "one per processor");
  flags.duration("--retain-channels", config.retain_channels_ms,
                 "How long a progress channel's latest object is kept without a newer one");
  flags.count("--max-channels", config.channels.channels_max, "Progress channels at once; 0: any");
  flags.duration("--demo-duration", config.demo_jobs.duration_ms,
                 "How long a job takes that the seed systems run themselves");
  flags.parsed("--demo-fail-rate", "How many of the status system's own jobs fail, from 0 to 1",
               "NUMBER", "0", [&config](const std::string& text) {
                 double& rate = config.demo_jobs.fail_rate;
                 const char* const last = text.data() + text.size();
                 const auto [end, error] = std::from_chars(text.data(), last, rate);
                 if (error != std::errc{} || end != last || !(rate >= 0 && rate <= 1)) {
                   throw CLI::ValidationError("--demo-fail-rate",
                                              fmt::format("'{}' is no number from 0 to 1", text));
                 }
               });
  flags.on_off("--demo", config.demo, "Start with a job named demo, which begins anew each minute");
}

void add_stream_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Streams");
  flags.duration("--keepalive", config.streams.keepalive_ms,
                 "A stream gets a comment after so long without a write");
  flags.duration("--max-stream-age", config.streams.age_ms_max,
                 "A stream is ended between 80 and 100 % of this age; 0: never");
  flags.bytes("--max-outbox-bytes", config.streams.outbox_bytes_max,
              "What may wait for a slow reader; beyond it, its stream is closed");
  flags.parsed(
      "--compress-streams",
      "on: with gzip, for clients that ask and name text/event-stream in Accept; off: for nobody",
      "ON|OFF", "on", [&config](const std::string& value) {
        check_member("--compress-streams", value, {"on", "off"});
        config.streams.compresses = value == "on";
      });
}

void add_watch_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Status URLs of others");
  const auto add = [&config](const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      const Result<WatchSpec> spec = parse_watch(text);
      if (!spec) throw CLI::ValidationError("--watch", spec.error().detail);
      const bool taken =
          std::any_of(config.watches.begin(), config.watches.end(),
                      [&](const WatchSpec& other) { return other.name == spec->name; });
      if (taken)
        throw CLI::ValidationError("--watch", fmt::format("'{}' is given twice", spec->name));
      if (config.watches.size() == kWatchesMax) {
        throw CLI::ValidationError("--watch", fmt::format("at most {} of them", kWatchesMax));
      }
      config.watches.push_back(*spec);
    }
  };
  flags.finish(app.add_option_function<std::vector<std::string>>(
                      "--watch", add,
                      "Poll this status URL once for everybody, and stream each change of it at "
                      "/client_status?watch=NAME; several: again. ,interval=500ms may stand behind")
                   ->type_name("NAME=URL")
                   ->expected(1, static_cast<int>(kWatchesMax)),
               "--watch");
}

void add_limit_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Limits (0: none)");
  flags.count("--max-connections", config.connections_max,
              "Connections at once; more are answered 503", "the descriptor limit less a reserve");
  AccessSettings& access = config.access;
  flags.count("--max-streams-per-user", access.streams_per_user_max,
              "Streams at once of one user, where users are known");
  flags.count("--max-streams-per-address", access.streams_per_address_max,
              "Streams at once from one address");
  flags.count("--max-jobs-per-user", access.jobs_per_user_max,
              "Jobs at once of one user that are not over, where users are known");
  flags.bytes("--max-job-bytes-per-user", access.job_bytes_per_user_max,
              "What the jobs of one user may take before they may create no more, where users are "
              "known");
  flags.count("--max-idempotency-keys-per-user", access.idempotency_keys_per_user_max,
              "Idempotency keys at once of one user, where users are known");
  flags.count("--create-rate", access.creates_per_second_max,
              "Jobs that one user may create per second, where users are known");
  flags.count("--report-rate", access.reports_per_second_max,
              "Reports that one user may make per second, on jobs and to channels, where users are "
              "known");
  flags.count("--read-rate", access.reads_per_second_max,
              "GET and HEAD requests that one user may make per second, streams too, where users "
              "are known");
  HttpLimits& limits = config.http.limits;
  flags.bytes("--max-header-bytes", limits.header_bytes_max,
              "Request line, header fields and trailers");
  flags.count("--max-headers", limits.headers_max,
              "Header fields of a request; its trailers don't count");
  flags.bytes("--max-url-bytes", limits.url_bytes_max, "A request's target");
  flags.bytes("--max-body-bytes", limits.body_bytes_max, "A request's body");
  flags.bytes("--max-bodies-bytes", limits.bodies_bytes_max,
              "The bodies of all requests that are under way at once");
  flags.bytes("--max-answers-bytes", limits.answers_bytes_max,
              "The answers of all connections that wait to be read; streams have their own bound");
  flags.count("--max-pipelined", config.http.pipelined_max,
              "Requests of one connection that are answered in a turn; the others of it wait");
  flags.duration("--header-timeout", config.http.header_timeout_ms,
                 "A request's header must be complete in this time; a connection's first one, from "
                 "its beginning");
  flags.duration("--body-timeout", config.http.body_timeout_ms,
                 "A request's body must be complete in this time");
  flags.duration("--idle-timeout", config.http.idle_timeout_ms,
                 "A connection without a further request is closed after this time");
}

void add_log_flags(CLI::App& app, Config& config) {
  Flags flags(app, "Log");
  flags.parsed("--log-level", "debug, info, warn, error or off", "LEVEL", "info",
               [&config](const std::string& name) {
                 check_member("--log-level", name, {"debug", "info", "warn", "error", "off"});
                 config.log.level = *log::level_of_name(name);
               });
  flags.parsed("--log-format", "text, or json: an object a line", "FORMAT", "text",
               [&config](const std::string& name) {
                 check_member("--log-format", name, {"text", "json"});
                 config.log.format = name == "json" ? log::Format::kJson : log::Format::kText;
               });
  flags.count("--max-log-rate", config.log.lines_per_second_max,
              "Warnings and debug lines per second; the others are counted. 0: any");
}

Result<void> check_listeners(const Config& config) {
  for (const std::string& address : config.listen) {
    const Result<bool> loopback = is_loopback(address);
    if (!loopback) return tl::unexpected(loopback.error());
    if (*loopback || config.insecure || config.access.keys) continue;
    return fail(Errc::kInvalid,
                fmt::format("{} can be reached from outside, and nobody has to say who they "
                            "are: add --jwt-secret-file, --jwt-public-key or --jwks-file, "
                            "or --insecure if that is meant",
                            address));
  }
  return {};
}

void check_whole(const Config& config) {
  if (const Result<void> listeners = check_listeners(config); !listeners) {
    throw CLI::ValidationError("--listen", listeners.error().detail);
  }
  if (config.streams.keepalive_ms == 0) {
    throw CLI::ValidationError("--keepalive", "must be more than 0");
  }
  if (config.retain_channels_ms == 0) {
    throw CLI::ValidationError("--retain-channels", "must be more than 0");
  }
  if (config.demo_jobs.duration_ms < kDemoMsMin || config.demo_jobs.duration_ms > kDemoMsMax) {
    throw CLI::ValidationError(
        "--demo-duration",
        fmt::format("must be from {} to {}", duration_text(kDemoMsMin), duration_text(kDemoMsMax)));
  }
  if (config.job_threads > kJobThreadsMax) {
    throw CLI::ValidationError("--job-threads", fmt::format("must be at most {}", kJobThreadsMax));
  }
}

ConfigExit wrong(std::string_view detail) {
  return {2, fmt::format("progressd: {}\nSee progressd --help.\n", detail)};
}

}  // namespace

std::variant<Config, ConfigExit> read_config(int argc, const char* const* argv) {
  Config config;
  CLI::App app(
      "progressd tells every browser how its job is doing.\n"
      "Post a job or report progress over HTTP; everybody who follows it gets each event over\n"
      "Server-Sent Events. Start it without a flag and open http://127.0.0.1:8080/.\n",
      "progressd");
  app.footer(
      std::string(
          "Each flag can stand in the config file, without its dashes, or in the environment:\n"
          "--max-jobs as PROGRESSD_MAX_JOBS. The environment goes before the file, the command "
          "line\n"
          "before both. Durations are written 500ms, 15s, 24h; sizes 4096, 16KiB, 1MiB.\n\n") +
      kConfigUses);
  app.set_version_flag("--version", fmt::format("progressd {}", kVersion));
  app.get_formatter()->column_width(34);
  add_config_flag(app);
  add_network_flags(app, config);
  add_access_flags(app, config.access);
  add_job_flags(app, config);
  add_stream_flags(app, config);
  add_watch_flags(app, config);
  add_limit_flags(app, config);
  add_log_flags(app, config);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  Result<Action> action = take_action(arguments);
  if (!action) return wrong(action.error().detail);
  if (*action == Action::kHelp) return ConfigExit{0, fmt::format("{}\n", kConfigUses)};
  const Result<ConfigSources> sources = ConfigSources::gather(app, std::move(arguments));
  if (!sources) return wrong(sources.error().detail);
  try {
    std::vector<std::string> reversed(sources->arguments().rbegin(), sources->arguments().rend());
    app.parse(std::move(reversed));
    check_access(app, config.access);
    check_whole(config);
  } catch (const CLI::Success& shown) {  // --help, --version
    std::ostringstream out;
    app.exit(shown, out, out);
    return ConfigExit{0, out.str()};
  } catch (const CLI::ExtrasError& error) {
    return wrong(no_such_flag(app.remaining(), {&app}).value_or(error.what()));
  } catch (const CLI::ParseError& error) {
    const std::string text = error.what();
    const std::string_view origin = sources->origin(text.substr(0, text.find(':')));
    return wrong(origin.empty() ? text : fmt::format("{} (it stands in {})", text, origin));
  }
  if (*action == Action::kCheck) return ConfigExit{0, "the configuration is good\n"};
  if (*action == Action::kShow) return ConfigExit{0, shown(app, *sources)};
  return config;
}

Result<void> open_sockets(Config& config) {
  for (const std::string& address : config.listen) {
    const Result<int> fd = open_listener(address, /*reuse_port=*/true);
    if (!fd) return tl::unexpected(fd.error());
    config.passed_sockets.push_back(*fd);
  }
  return {};
}

Result<void> use_passed_sockets(Config& config, std::vector<int> sockets) {
  config.reuse_port = false;  // they stay open without it
  config.listen.clear();
  for (const int fd : sockets) {
    Result<std::string> address = address_of_listener(fd);
    if (!address) return tl::unexpected(address.error());
    config.listen.push_back(std::move(*address));
  }
  config.passed_sockets = std::move(sockets);
  return check_listeners(config);
}

std::optional<std::string> sqlite_path(const std::string& journal) {
  constexpr std::string_view kScheme = "sqlite:";
  if (!journal.starts_with(kScheme) || journal.size() == kScheme.size()) return std::nullopt;
  return journal.substr(kScheme.size());
}

Config in_force(Config config) {
  constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max() / 2;
  HttpLimits& http = config.http.limits;
  for (std::size_t* bound :
       {&http.header_bytes_max, &http.headers_max, &http.url_bytes_max, &http.body_bytes_max,
        &http.bodies_bytes_max, &http.answers_bytes_max, &config.history.bytes_max,
        &config.http.pipelined_max, &config.streams.outbox_bytes_max, &config.jobs.jobs_max,
        &config.jobs.idempotency_keys_max, &config.channels.channels_max,
        &config.access.streams_per_user_max, &config.access.streams_per_address_max,
        &config.access.jobs_per_user_max}) {
    if (*bound == 0) *bound = kNoBound;
  }
  if (!config.access.keys) {  // everybody is the same user
    config.access.streams_per_user_max = kNoBound;
    config.access.jobs_per_user_max = kNoBound;
    config.access.creates_per_second_max = 0;
    config.access.reports_per_second_max = 0;
  }
  for (Millis* time : {&config.http.header_timeout_ms, &config.http.body_timeout_ms,
                       &config.http.idle_timeout_ms}) {
    if (*time == 0) *time = kDurationMsMax;
  }
  return config;
}

std::vector<ConfigLimit> limits_of(const Config& config) {
  const auto number = [](auto value) { return static_cast<std::int64_t>(value); };
  const HttpLimits& http = config.http.limits;
  return {{"maxConnections", number(config.connections_max)},
          {"maxStreamsPerUser", number(config.access.streams_per_user_max)},
          {"maxStreamsPerAddress", number(config.access.streams_per_address_max)},
          {"maxJobsPerUser", number(config.access.jobs_per_user_max)},
          {"maxJobBytesPerUser", number(config.access.job_bytes_per_user_max)},
          {"createRate", number(config.access.creates_per_second_max)},
          {"maxIdempotencyKeysPerUser", number(config.access.idempotency_keys_per_user_max)},
          {"reportRate", number(config.access.reports_per_second_max)},
          {"readRate", number(config.access.reads_per_second_max)},
          {"maxJobs", number(config.jobs.jobs_max)},
          {"maxJobBytes", number(config.job_bytes_max)},
          {"maxIdempotencyKeys", number(config.jobs.idempotency_keys_max)},
          {"maxChannels", number(config.channels.channels_max)},
          {"historyEvents", number(config.history.events_max)},
          {"historyBytes", number(config.history.bytes_max)},
          {"retainFinished", config.retain_finished_ms},
          {"retainChannels", config.retain_channels_ms},
          {"maxHeaderBytes", number(http.header_bytes_max)},
          {"maxHeaders", number(http.headers_max)},
          {"maxUrlBytes", number(http.url_bytes_max)},
          {"maxBodyBytes", number(http.body_bytes_max)},
          {"maxBodiesBytes", number(http.bodies_bytes_max)},
          {"maxAnswersBytes", number(http.answers_bytes_max)},
          {"maxPipelined", number(config.http.pipelined_max)},
          {"headerTimeout", config.http.header_timeout_ms},
          {"bodyTimeout", config.http.body_timeout_ms},
          {"idleTimeout", config.http.idle_timeout_ms},
          {"keepalive", config.streams.keepalive_ms},
          {"maxStreamAge", config.streams.age_ms_max},
          {"maxOutboxBytes", number(config.streams.outbox_bytes_max)},
          {"maxLogRate", number(config.log.lines_per_second_max)},
          {"drain", config.drain_ms}};
}

}  // namespace progressd
