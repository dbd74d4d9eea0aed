// progressd: reads its flags, builds the loop and the server, runs until it is told to end.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/ensure.h"
#include "core/sim/cpu_work.h"
#include "net/config.h"
#include "net/log.h"
#include "net/server.h"
#include "net/service_manager.h"
#include "net/system.h"
#include "net/uv/loop.h"
#include "net/uv/signal.h"
#include "net/uv/work_pool.h"

namespace progressd {
namespace {

/// Reads what the process was started with once more, in its present state.
void reload(Server& server, int argc, const char* const* argv, std::size_t descriptors) {
  auto read = read_config(argc, argv);
  if (const auto* wrong = std::get_if<ConfigExit>(&read)) {
    log::error("everything stays as it was: {}", wrong->text.substr(0, wrong->text.find('\n')));
    return;
  }
  auto& config = std::get<Config>(read);
  complete_config(config, descriptors);
  server.reload(std::move(config));
}

/// Signals wait until there is a server to tell, so that one that comes early does what it does
/// later. `how`: SIG_BLOCK or SIG_UNBLOCK.
void hold_signals(int how) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  ENSURE(pthread_sigmask(how, &signals, nullptr) == 0);
}

int run(Config config, int argc, const char* const* argv) {
  log::start(config.log);
  if (std::vector<int> sockets = passed_sockets(); !sockets.empty()) {
    if (const Result<void> used = use_passed_sockets(config, std::move(sockets)); !used) {
      log::error("{}", used.error().detail);
      return 1;
    }
  }
  // Before the journal is waited for: who connects meanwhile waits, and is not refused.
  if (config.reuse_port) {
    if (const Result<void> opened = open_sockets(config); !opened) {
      log::error("{}", opened.error().detail);
      return 1;
    }
  }
  const std::size_t descriptors = raise_descriptor_limit();
  complete_config(config, descriptors);
  log::info("{} descriptors: up to {} connections; {} job threads", descriptors,
            config.connections_max, config.job_threads);
  WorkPool::size_threads(config.job_threads);

  const std::uint64_t rounds_per_ms = calibrate_rounds_per_ms();
  std::optional<SqliteSettings> journal;
  if (const std::optional<std::string> path = sqlite_path(config.journal)) {
    journal = SqliteSettings{.path = *path, .synced = config.journal_synced, .boot = boot_number()};
    if (config.reuse_port) journal->lock_wait_ms = config.takeover_wait_ms;
  }
  Loop loop;
  Server server(loop, config, rounds_per_ms, Machine{}, std::move(journal));
  bool draining = false;
  const auto on_signal = [&] {
    if (draining) loop.stop();  // the second time: at once
    if (!draining) notify_service_manager("STOPPING=1");
    draining = true;
    server.begin_drain();
  };
  const Signal terminate(loop, SIGTERM, on_signal);
  const Signal interrupt(loop, SIGINT, on_signal);
  const Signal hang_up(loop, SIGHUP, [&] { reload(server, argc, argv, descriptors); });
  hold_signals(SIG_UNBLOCK);
  const Result<std::vector<std::string>> addresses =
      server.start([] { notify_service_manager("READY=1"); });
  if (!addresses) {
    log::error("{}", addresses.error().detail);
    return 1;
  }
  for (const std::string& address : *addresses) log::info("listening on http://{}", address);
  if (config.demo) {
    log::info("follow the demo: curl -N http://{}/v1/jobs/demo/events", addresses->front());
  }
  loop.run();
  // The status is decided: one more while all is taken down changes nothing.
  hold_signals(SIG_BLOCK);
  if (server.fault()) {
    log::error("{}", server.fault()->detail);
    return 1;
  }
  log::info("ended");
  return 0;
}

}  // namespace
}  // namespace progressd

int main(int argc, char** argv) {
  progressd::map_large_arrays();
  progressd::hold_signals(SIG_BLOCK);
  // A peer that closes while we write, and a file that may not grow, are errors of that write, and
  // no signals.
  ENSURE(std::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
  ENSURE(std::signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
  auto config = progressd::read_config(argc, argv);
  if (const auto* exit = std::get_if<progressd::ConfigExit>(&config)) {
    std::fputs(exit->text.c_str(), exit->status == 0 ? stdout : stderr);
    return exit->status;
  }
  return progressd::run(std::move(std::get<progressd::Config>(config)), argc, argv);
}
