#include "tests/fuzz/support/served.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "core/base/ensure.h"
#include "tests/fuzz/support/fixed.h"
#include "tests/fuzz/support/key_files.h"
#include "tests/fuzz/support/virtual_time.h"

namespace progressd::fuzz {
namespace {

/// Longer than the server waits for a peer to close, after its last answer.
constexpr Millis kLingeredMs = 5'000;
/// Turns in which everything that can be written has been.
constexpr int kTurnsUntilQuiet = 12;

/// From some day on, with the monotonic clock.
class FuzzClock final : public Clock {
 public:
  Millis wall_at() const override { return kSomeDay + monotonic_now() - began_; }
  Millis steady_at() const override { return wall_at(); }
  void go_on_from(Millis /*steady_at*/) override {}

 private:
  const Millis began_ = monotonic_now();
};

Machine machine_of(MemorySockets*& sockets) {
  restart_time();
  auto io = std::make_unique<MemorySockets>();
  sockets = io.get();
  return {std::make_unique<FuzzClock>(), std::make_unique<FixedRandom>(), std::move(io)};
}

}  // namespace

Config fuzz_config(bool auth_on) {
  Config config;
  config.job_threads = 0;  // cpu jobs wait for ever: threads would make chance of it
  config.connections_max = 100;
  config.history = {.events_max = 8, .bytes_max = 512};
  config.jobs.jobs_max = 50;
  config.jobs.idempotency_keys_max = 4;
  config.jobs.removed_max = 4;
  config.channels.channels_max = 4;
  config.http.limits = {1'024, 16, 512, 2'048};
  config.streams.outbox_bytes_max = 4'096;
  config.streams.keepalive_ms = 2'000;
  config.access.streams_per_address_max = 6;
  if (auth_on) {
    config.access.keys = secret_keys();
    config.access.streams_per_user_max = 3;
    config.access.jobs_per_user_max = 5;
  }
  return config;
}

Served::Served(const Config& config)
    : config_(config),
      sockets_(nullptr),
      loop_(),
      server_(loop_, config, /*rounds_per_ms=*/1, machine_of(sockets_)) {
  loop_.update_now();
}

std::size_t Served::connect(bool over_limit) {
  const int fd = sockets_->add();
  clients_.push_back({fd, server_.http().accept(fd, over_limit), {}, over_limit});
  edge(clients_.back());
  return clients_.size() - 1;
}

void Served::edge(const Client& client) {
  if (!sockets_->at(client.fd).closed)
    server_.http().on_ready(client.id, sockets_->ready(client.fd));
}

void Served::send(std::size_t client, std::string_view bytes) {
  Client& sender = clients_[client];
  MemorySockets::Socket& socket = sockets_->at(sender.fd);
  if (bytes.empty() || socket.closed || socket.ended || socket.reset) return;
  socket.incoming.append(bytes);
  sender.sent.append(bytes);
  edge(sender);
}

void Served::half_close(std::size_t client) {
  MemorySockets::Socket& socket = sockets_->at(clients_[client].fd);
  clients_[client].left_unread = socket.room == 0;
  socket.ended = true;
  edge(clients_[client]);
}

void Served::reset(std::size_t client) {
  sockets_->at(clients_[client].fd).reset = true;
  clients_[client].reset = true;
  edge(clients_[client]);
}

void Served::set_room(std::size_t client, std::size_t bytes) {
  sockets_->at(clients_[client].fd).room = bytes;
  if (bytes > 0) edge(clients_[client]);
}

void Served::turn() { uv_run(loop_.get(), UV_RUN_NOWAIT); }

void Served::pass(Millis length) {
  pass_time(length);
  passed_ += length;
  turn();
}

void Served::settle() {
  for (std::size_t i = 0; i < clients_.size(); ++i) set_room(i, SIZE_MAX);
  for (int i = 0; i < kTurnsUntilQuiet; ++i) pass(1);
  for (std::size_t i = 0; i < clients_.size(); ++i) check_answered(i);
}

std::vector<Answer> Served::answers(std::size_t client) {
  const Client& reader = clients_[client];
  const MemorySockets::Socket& socket = sockets_->at(reader.fd);
  return read_answers(socket.outgoing, read_requests(reader.sent, config_.http.limits),
                      socket.closed || socket.shut);
}

void Served::check_answered(std::size_t client) {
  const Client& asker = clients_[client];
  const std::vector<Asked> requests = read_requests(asker.sent, config_.http.limits);
  const bool is_begun = !requests.empty() && !requests.back().whole;
  const std::size_t asked = requests.size() - (is_begun ? 1 : 0);
  const std::vector<Answer> given = answers(client);
  const bool told_late = !given.empty() && given.back().status == 408;
  // With keys what the head says decides: a stranger is refused at its end, and an OPTIONS
  // answered.
  const bool told_early = is_begun && given.size() == asked + 1 && !told_late;
  if (told_early) {
    ENSURE(config_.access.keys && given.back().closes);
    ENSURE(given.back().status == 204 || given.back().status >= 400);
  }
  ENSURE(given.size() <= asked + (told_late || told_early ? 1 : 0));
  // A time limit may have closed the connection, whatever was still to be said.
  const Millis limit = std::min(config_.http.header_timeout_ms, config_.http.body_timeout_ms);
  // Who ends its side while it reads nothing may have left a stream, and all that waited before it.
  if (asker.reset || asker.left_unread || passed_ >= limit) return;
  ENSURE(!told_late);
  if (!given.empty()) ENSURE(given.back().whole || given.back().is_stream);
  if (asker.over_limit && (asked > 0 || told_early) && !requests[0].refused) {
    ENSURE(given.at(0).status == 503);
  }
  // Where the others were not answered, it was said why.
  ENSURE(given.size() == asked || (!given.empty() && given.back().closes));
}

void Served::leave() {
  for (std::size_t i = 0; i < clients_.size(); ++i) half_close(i);
  turn();
  pass(kLingeredMs);
  turn();
  for (const Client& client : clients_) ENSURE(sockets_->at(client.fd).closed);
  if (config_.access.keys) return;
  const std::size_t last = connect();
  send(last, "GET /v1/stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const std::string& stats = sockets_->at(clients_[last].fd).outgoing;
  ENSURE(stats.find(R"("connections":1,)") != std::string::npos);
  ENSURE(stats.find(R"("streams":0,)") != std::string::npos);
}

}  // namespace progressd::fuzz
