// The server: builds every part and hands each to the next by reference. No other file knows them
// all. Thread: the loop's.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/jobs/job_table.h"
#include "core/journal/memory.h"
#include "core/ledger.h"
#include "core/stream/hub.h"
#include "net/api/job_api.h"
#include "net/api/metrics_api.h"
#include "net/api/opening.h"
#include "net/api/operations_api.h"
#include "net/api/report_api.h"
#include "net/api/stream_api.h"
#include "net/api/ticket_api.h"
#include "net/compat/demo_jobs.h"
#include "net/compat/seed_system.h"
#include "net/config.h"
#include "net/http/deadlines.h"
#include "net/http/http_connections.h"
#include "net/http/listener.h"
#include "net/journal/durable_journal.h"
#include "net/lag_meter.h"
#include "net/run/caretaker.h"
#include "net/run/cpu_runner.h"
#include "net/run/task_keeper.h"
#include "net/run/timer_runner.h"
#include "net/system.h"
#include "net/uv/loop.h"
#include "net/uv/turn_end.h"
#include "net/watch/watches.h"

namespace progressd {

/// What the server takes from the machine that it runs on. A fuzz target gives it its own.
struct Machine {
  std::unique_ptr<Clock> clock = std::make_unique<SystemClock>();
  std::unique_ptr<Random> random = std::make_unique<SystemRandom>();
  std::unique_ptr<SocketIo> io = std::make_unique<SocketIo>();
};

class Server {
 public:
  /// `config.connections_max` and `config.job_threads` are set (see complete_config()).
  /// `rounds_per_ms`: of core/sim/cpu_work, on this machine. `journal`: none for one in
  /// memory.
  Server(Loop& loop, const Config& config, std::uint64_t rounds_per_ms, Machine machine = {},
         std::optional<SqliteSettings> journal = std::nullopt);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Listens on every address of the config. Returns them with their ports. `on_ready` is called
  /// once, when all that a journal holds is back and requests are answered.
  /// Errors: that of the first which can't be had.
  Result<std::vector<std::string>> start(std::function<void()> on_ready = [] {});
  /// Why the loop was stopped, when that is no end as it should be.
  const std::optional<Error>& fault() const { return fault_; }

  const Router& routes() const { return router_; }

  /// For a program that the server is a part of (tools/examples/embed). Its own routes are added
  /// before start(); those of the server can't be taken.
  Router& routes() { return router_; }
  /// By which it changes jobs, on the loop's thread, from when start() says that all is ready until
  /// begin_drain(). A commit takes what the API would let through: see the bounds in
  /// core/jobs/job.h. Changes are of now(), and none of them waits for the one before.
  Ledger& ledger() { return ledger_; }
  Moment now() const { return clock_.now(); }

  /// For connections that no listener of this server accepted.
  HttpConnections& http() { return http_; }

  /// Goes by this configuration from here on, and drops no stream for it. What can't change while
  /// the server runs is named in the log, and stays. Shape: as for the constructor.
  void reload(Config next);

  /// No new connections; streams are ended spread over the drain time; then the loop stops.
  void begin_drain();

 private:
  void add_seed_systems();
  void on_turn_end();
  void on_drain_tick();
  void on_tick();
  /// All of them, spread at random; with a comment where it is for their tokens.
  void end_streams(Millis spread_ms, bool expired);
  /// Tokens that were good may be so no more.
  void ask_streams_again();
  void start_demo();
  bool is_ready() const;
  std::vector<ChangeObserver*> observers();
  void open_journal(SqliteSettings settings);
  void on_recovered(const Result<std::uint32_t>& recovered);
  void begin();
  Listeners::Limits listener_limits() const;
  CreationLimits::Limits creation_limits() const;
  TableBounds table_bounds() const;
  void become_ready();

  Config config_;  // as it was given
  Config limits_;  // with limits of 0 as none
  Loop& loop_;
  const Machine machine_;
  Clock& clock_;
  Random& random_;
  SocketIo& io_;
  MemoryJournal journal_;
  EventIds ids_;
  JobTable jobs_;
  ChannelTable channels_;
  ConnectionTable connections_;
  Deadlines deadlines_;
  StreamLimits stream_limits_;
  StreamWriter streams_;
  Hub hub_;
  Ledger ledger_;
  TimerRunner timer_runner_;
  CpuRunner cpu_runner_;
  Caretaker caretaker_;
  TaskKeeper task_keeper_;
  LagMeter lag_;
  Gate gate_;
  ByteBudget budget_;
  CreationLimits creation_limits_;
  ReportLimits report_limits_;
  JobApi job_api_;
  ReportApi report_api_;
  Opener opener_;
  StreamApi stream_api_;
  TicketApi ticket_api_;
  Watches watches_;
  OperationsApi operations_api_;
  MetricsApi metrics_api_;
  DemoJobs demo_jobs_;
  std::vector<std::unique_ptr<SeedSystem>> seed_systems_;
  Router router_;
  HttpConnections http_;
  Poller poller_;
  Listeners listeners_;
  Timer tick_timer_;
  Timer drain_timer_;
  TurnEnd turn_end_;
  std::unique_ptr<DurableJournal> durable_;  // null: the journal is in memory
  std::optional<Error> fault_;
  std::function<void()> on_ready_;
  bool ready_ = false;
  Millis drain_until_ = 0;  // of the loop's clock; 0: not draining
  Millis idle_until_ = 0;
};

/// Fills in what depends on this machine: how many descriptors and processors it has.
void complete_config(Config& config, std::size_t descriptors);

}  // namespace progressd
