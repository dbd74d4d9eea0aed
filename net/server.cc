#include "net/server.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>

#include "net/api/dashboard.h"
#include "net/api/openapi.h"
#include "net/compat/job_status.h"
#include "net/compat/looping_task.h"
#include "net/compat/progress_channels.h"
#include "net/compat/queued_jobs.h"
#include "net/compat/started_tasks.h"
#include "net/log.h"

namespace progressd {
namespace {

/// Connections beyond the limit that are accepted to be told so.
constexpr std::size_t kRefusalsMax = 64;
/// Descriptors for everything that is no connection.
constexpr std::size_t kOtherDescriptors = 32;
/// While draining, connections without a stream are kept for so long to be answered 503.
constexpr Millis kDrainIdleMs = 1'000;
/// After a key was taken out, streams end spread over so long: most of them come back.
constexpr Millis kKeyLossMs = 3'000;
constexpr Millis kDrainTickMs = 20;
/// Streams that end last may be late on a busy machine: so long they are waited for.
constexpr Millis kDrainGraceMs = 1'000;

/// Whether nobody reaches the server from outside.
bool is_on_loopback(const Config& config) {
  return std::all_of(config.listen.begin(), config.listen.end(), [](const std::string& address) {
    return is_loopback(address).value_or(false);
  });
}

/// A table that is folded from a durable journal has no bound of its own: see TableBounds.
JobTableLimits table_limits(JobTableLimits limits, bool durable) {
  if (durable) limits.jobs_max = limits.idempotency_keys_max = SIZE_MAX;
  return limits;
}
ChannelLimits table_limits(ChannelLimits limits, bool durable) {
  if (durable) limits.channels_max = SIZE_MAX;
  return limits;
}

Tick tick_of(const Loop& loop) { return static_cast<Tick>(loop.now() / kTickMs); }

}  // namespace

void complete_config(Config& config, std::size_t descriptors) {
  const std::size_t reserve = kRefusalsMax + kOtherDescriptors;
  const std::size_t possible = descriptors > 2 * reserve ? descriptors - reserve : descriptors / 3;
  if (config.connections_max == 0 || config.connections_max > possible) {
    config.connections_max = possible;
  }
  if (config.job_threads == 0)
    config.job_threads = std::max(1U, std::thread::hardware_concurrency());
}

Server::Server(Loop& loop, const Config& config, std::uint64_t rounds_per_ms, Machine machine,
               std::optional<SqliteSettings> journal)
    : config_(config),
      limits_(in_force(config)),
      loop_(loop),
      machine_(std::move(machine)),
      clock_(*machine_.clock),
      random_(*machine_.random),
      io_(*machine_.io),
      journal_(random_),
      ids_(journal_.epoch()),
      jobs_(table_limits(limits_.jobs, journal.has_value())),
      channels_(table_limits(limits_.channels, journal.has_value())),
      connections_(io_,
                   [this](std::uint32_t slot, Connection& connection) {
                     if (connection.subscribed) hub_.unsubscribe(slot);
                     streams_.forget(slot);
                     http_.forget(slot);
                   }),
      deadlines_(connections_, tick_of(loop)),
      stream_limits_(config_.access.streams_per_user_max, config_.access.streams_per_address_max),
      streams_(limits_.streams, io_, connections_, deadlines_, stream_limits_),
      hub_(limits_.history, streams_),
      ledger_(journal_, jobs_, channels_, hub_),
      timer_runner_(loop, ledger_, clock_),
      cpu_runner_(loop, config_.job_threads, rounds_per_ms, ledger_, clock_, random_),
      caretaker_({loop, ledger_, jobs_, channels_, clock_, config_.retain_finished_ms,
                  config_.retain_channels_ms}),
      task_keeper_({loop, ledger_, jobs_, hub_, clock_, config_.keep_told_tasks_ms}),
      lag_(loop),
      gate_(config_.access, is_on_loopback(config_), clock_, random_),
      budget_(ledger_, jobs_, config_.job_bytes_max),
      creation_limits_(jobs_, ledger_, budget_, loop, creation_limits()),
      report_limits_(loop, limits_.access.reports_per_second_max),
      job_api_({ledger_, jobs_, ids_, clock_, random_, creation_limits_, budget_, report_limits_,
                kSharedJobIds}),
      report_api_(ledger_, jobs_, budget_, clock_, report_limits_),
      opener_({ledger_, ids_, random_}),
      stream_api_({jobs_, ids_, opener_}),
      ticket_api_(gate_, jobs_),
      watches_({loop, hub_, opener_, random_}, config_.watches),
      operations_api_({config_, jobs_, ledger_, hub_, ids_, io_, connections_, streams_,
                       stream_limits_, lag_, watches_, durable_, [this] { return is_ready(); }}),
      metrics_api_({connections_, streams_, jobs_, channels_, ledger_, hub_, cpu_runner_, lag_,
                    watches_, http_, durable_}),
      demo_jobs_({ledger_, jobs_, clock_, random_, config_.demo_jobs, creation_limits_}),
      router_(gate_),
      http_({limits_.http, io_, connections_, deadlines_, streams_, router_, gate_, stream_limits_,
             hub_, clock_, random_, loop}),
      poller_(loop,
              [this](std::uint64_t token, Ready ready) {
                Listeners::is_token(token) ? listeners_.on_ready(token)
                                           : http_.on_ready(token, ready);
              }),
      listeners_(
          loop, poller_, listener_limits(), [this] { return connections_.open_count(); },
          [this](int fd, bool over_limit) {
            const ConnectionId id = http_.accept(fd, over_limit);
            if (!poller_.add_connection(fd, id)) connections_.close(ConnectionTable::slot_of(id));
          }),
      tick_timer_(loop, [this] { on_tick(); }),
      drain_timer_(loop, [this] { on_drain_tick(); }),
      turn_end_(loop, [this] { on_turn_end(); }) {
  job_api_.add_routes(router_);
  report_api_.add_routes(router_);
  stream_api_.add_routes(router_);
  ticket_api_.add_routes(router_);
  operations_api_.add_routes(router_);
  metrics_api_.add_routes(router_);
  add_dashboard_routes(router_);
  add_openapi_routes(router_);
  add_seed_systems();
  for (const auto& system : seed_systems_) system->add_routes(router_);
  tick_timer_.start_every(kTickMs);
  if (journal) open_journal(std::move(*journal));
}

CreationLimits::Limits Server::creation_limits() const {
  const AccessSettings& access = config_.access;
  return {access.jobs_per_user_max, access.job_bytes_per_user_max, access.creates_per_second_max,
          access.idempotency_keys_per_user_max};
}

Listeners::Limits Server::listener_limits() const {
  return {config_.connections_max, std::min(kRefusalsMax, config_.connections_max)};
}

TableBounds Server::table_bounds() const {
  return {limits_.jobs.jobs_max, limits_.jobs.idempotency_keys_max, limits_.channels.channels_max};
}

bool Server::is_ready() const {
  return ready_ && drain_until_ == 0 && (durable_ == nullptr || durable_->is_ready());
}

std::vector<ChangeObserver*> Server::observers() {
  return {&timer_runner_, &cpu_runner_, &caretaker_, &task_keeper_};
}

void Server::open_journal(SqliteSettings settings) {
  router_.hold();
  JournalBounds bounds;
  bounds.log_bytes_min = config_.journal_log_bytes_min;
  durable_ = std::make_unique<DurableJournal>(
      DurableJournal::Parts{
          loop_, ledger_, jobs_, channels_, clock_, limits_.history, table_bounds(),
          [this](const Result<std::uint32_t>& recovered) { on_recovered(recovered); }},
      std::move(settings), bounds);
}

void Server::on_recovered(const Result<std::uint32_t>& recovered) {
  if (!recovered) {
    fault_ = recovered.error();
    return loop_.stop();
  }
  ids_ = EventIds(*recovered);
  for (const auto& [sequence, job] : jobs_.all()) {
    for (ChangeObserver* observer : observers()) observer->on_restored(*job);
  }
  log::info("the journal holds {} jobs and {} channels; {} changes were read again", jobs_.size(),
            channels_.size(), durable_->recovered_changes());
  router_.begin();
  begin();
}

void Server::begin() {
  // Not before: what a recovery reads again has been acted upon.
  for (ChangeObserver* observer : observers()) ledger_.observe(*observer);
  // Who connected to these waited until now, so that nobody was told to come again.
  for (const int fd : config_.passed_sockets) {
    if (drain_until_ != 0) break;
    if (const Result<std::string> adopted = listeners_.adopt(fd); !adopted) {
      fault_ = adopted.error();
      return loop_.stop();
    }
  }
  config_.demo ? start_demo() : become_ready();
}

void Server::become_ready() {
  ready_ = true;
  if (drain_until_ == 0) on_ready_();  // it was told of the end before
}

void Server::add_seed_systems() {
  const auto add = [this](auto system) { seed_systems_.push_back(std::move(system)); };
  add(std::make_unique<JobStatus>(JobStatus::Parts{jobs_, ids_, opener_, demo_jobs_, watches_}));
  add(std::make_unique<ProgressChannels>(ProgressChannels::Parts{
      ledger_, channels_, hub_, ids_, clock_, opener_, report_limits_, budget_}));
  add(std::make_unique<QueuedJobs>(QueuedJobs::Parts{jobs_, ids_, random_, opener_, demo_jobs_}));
  add(std::make_unique<LoopingTask>(LoopingTask::Parts{ids_, opener_, demo_jobs_}));
  add(std::make_unique<StartedTasks>(
      StartedTasks::Parts{jobs_, ids_, opener_, demo_jobs_, task_keeper_}));
}

Server::~Server() {
  durable_.reset();  // keeps what it has taken
  // While there is still a hub to unsubscribe from.
  connections_.close_all();
}

Result<std::vector<std::string>> Server::start(std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  std::vector<std::string> bound;
  for (std::size_t i = 0; i < config_.listen.size(); ++i) {
    const Result<std::string> one = config_.passed_sockets.empty()
                                        ? listeners_.listen(config_.listen[i])
                                        : address_of_listener(config_.passed_sockets[i]);
    if (!one) return tl::unexpected(one.error());
    bound.push_back(*one);
  }
  loop_.update_now();
  if (durable_ == nullptr) begin();
  return bound;
}

void Server::start_demo() {
  Change change = make_change(ChangeKind::kCreate, "demo", clock_.now());
  JobSpec spec;
  spec.id = change.job_id;
  spec.kind = Text("demo");
  spec.owner = kAnonymous;
  spec.message = Text("a demo: it begins anew each minute");
  spec.total = 600;
  spec.repeat = 0;
  change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
  // Who sees that we are ready sees the demo as well.
  ledger_.commit(std::move(change), [this](const auto&) { become_ready(); });
}

void Server::on_turn_end() {
  // Runners first: what they commit is still written in this turn.
  cpu_runner_.on_turn_end();
  task_keeper_.on_turn_end();
  hub_.flush();
  streams_.on_turn_end();
  connections_.reap();
  timer_runner_.on_turn_end();
  caretaker_.on_turn_end();
  if (durable_ != nullptr) durable_->on_turn_end();
}

void Server::begin_drain() {
  if (drain_until_ != 0) return;
  log::info("draining {} streams over {} ms", streams_.counters().open, config_.drain_ms);
  drain_until_ = loop_.now() + config_.drain_ms;
  idle_until_ = loop_.now() + std::min(config_.drain_ms, kDrainIdleMs);
  // Who waits at a socket that somebody else keeps open is the next process's.
  if (config_.passed_sockets.empty() || config_.reuse_port) listeners_.accept_all();
  listeners_.close();
  http_.begin_drain(/*has_successor=*/!config_.passed_sockets.empty());
  if (durable_ != nullptr) {
    durable_->close();
    timer_runner_.stop();
    cpu_runner_.stop();
  }
  end_streams(config_.drain_ms, /*expired=*/false);
  drain_timer_.start_every(kDrainTickMs);
}

void Server::end_streams(Millis spread_ms, bool expired) {
  const Tick now = deadlines_.now();
  const auto spread = static_cast<std::uint64_t>(spread_ms / kTickMs) + 1;
  for (std::uint32_t slot = 0; slot < connections_.slots(); ++slot) {
    Connection& connection = connections_.at(slot);
    if (connection.state != Connection::State::kStreaming) continue;
    connection.ends_at = now + 1 + static_cast<Tick>(random_.next() % spread);
    connection.expires = expired;
    deadlines_.set(slot, connection.ends_at);
  }
}

void Server::on_tick() {
  deadlines_.advance(tick_of(loop_), [this](std::uint32_t slot) { http_.on_due(slot); });
  if (gate_.take_key_loss()) ask_streams_again();
}

void Server::ask_streams_again() {
  // Those whose token is still good resume at once.
  if (drain_until_ == 0) end_streams(kKeyLossMs, /*expired=*/true);
}

void Server::on_drain_tick() {
  const bool streams_left =
      streams_.counters().open > 0 && loop_.now() < drain_until_ + kDrainGraceMs;
  const bool idle_left = connections_.open_count() > 0 && loop_.now() < idle_until_;
  const bool journal_left = durable_ != nullptr && durable_->closes();
  if (!streams_left && !idle_left && !journal_left) loop_.stop();
}

}  // namespace progressd
