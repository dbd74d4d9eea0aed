// What the server is told at its start: flags, which a config file or the environment may give too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/channels/channel_table.h"
#include "core/jobs/job_table.h"
#include "net/access/settings.h"
#include "net/compat/demo_jobs.h"
#include "net/http/http_connections.h"
#include "net/http/stream_writer.h"
#include "net/log.h"
#include "net/watch/watch_spec.h"

namespace progressd {

struct Config {
  std::vector<std::string> listen{"127.0.0.1:8080"};
  std::vector<int> passed_sockets;  // listening already, there; who connects is not hurried
  bool reuse_port = false;          // another process may listen there too: these are our own
  bool insecure = false;
  AccessSettings access;
  std::string journal = "memory:";
  bool journal_synced = true;                            // each commit, before it is answered
  std::size_t journal_log_bytes_min = 16 * 1024 * 1024;  // see JournalBounds
  HistoryLimits history;
  Millis retain_finished_ms = 3'600'000;
  JobTableLimits jobs;
  std::size_t job_bytes_max = std::size_t{1024} * 1024 * 1024;  // of all; 0: any
  Millis retain_channels_ms = 86'400'000;
  ChannelLimits channels;
  std::size_t job_threads = 0;      // 0: as many as processors
  std::size_t connections_max = 0;  // 0: what the descriptor limit allows
  HttpSettings http;
  StreamSettings streams;
  std::vector<WatchSpec> watches;
  Millis drain_ms = 5'000;
  Millis takeover_wait_ms = 30'000;  // for a journal that another process has; with reuse_port
  log::Settings log;
  bool demo = false;
  DemoSettings demo_jobs;
  Millis keep_told_tasks_ms = 30'000;  // no flag: the seed system promises it
};

/// What to print instead of starting, and the exit status: 0 for --help and --version, 2 for a
/// flag that is wrong.
struct ConfigExit {
  int status;
  std::string text;
};

std::variant<Config, ConfigExit> read_config(int argc, const char* const* argv);

/// Opens all that `listen` says, where `reuse_port` does: who connects from here on is this
/// process's. Errors: kOverloaded, for what can't be bound.
Result<void> open_sockets(Config& config);

/// Listens on these sockets, which were passed by a service manager, and on no address else.
/// Errors: kInvalid, for what does not listen for TCP, or is reached from outside where it may not.
Result<void> use_passed_sockets(Config& config, std::vector<int> sockets);
/// The file of a journal `sqlite:PATH`; none for another one.
std::optional<std::string> sqlite_path(const std::string& journal);

/// The same with every limit of 0, which means none, replaced by one that nothing reaches.
Config in_force(Config config);

/// A limit by its flag's name in camelCase, in milliseconds, bytes or a count.
struct ConfigLimit {
  std::string_view name;
  std::int64_t value;
};
std::vector<ConfigLimit> limits_of(const Config& config);

}  // namespace progressd
