#include "tests/fuzz/support/model_world.h"

#include <algorithm>
#include <utility>

#include "core/base/ensure.h"
#include "tests/fuzz/support/request_of.h"

namespace progressd::fuzz {
namespace {

constexpr std::string_view kChannelUser = "u";
constexpr std::string_view kChannelTarget = "/api/v1/sse/progress/stream/u";

Subscription of_owner(const std::string& owner) {
  return {"/v1/events?owner=" + owner, [owner](const Happened& h) { return h.owner == owner; }};
}

/// The jobs of these ids that there are by then.
Subscription of_jobs(std::string target, std::string ids) {
  return {std::move(target),
          [ids](const Happened& h) { return ids.find(h.job_id) != std::string::npos; }};
}

/// A stream of one job is over when the job is, and not told of its removal.
Subscription of_job(const std::string& id) {
  Subscription one{"/v1/jobs/" + id + "/events", [id](const Happened& h) {
                     return h.job_id == id && h.type != EventType::kRemoved;
                   }};
  one.ends_with_job = true;
  return one;
}

}  // namespace

ModelWorld::ModelWorld(const WorldLimits& limits)
    : limits_(limits),
      settings_{.outbox_bytes_max = limits.outbox_bytes_max},
      connections_(sockets_,
                   [this](std::uint32_t slot, Connection& connection) {
                     if (connection.subscribed) hub_.unsubscribe(slot);
                     streams_.forget(slot);
                   }),
      streams_(settings_, sockets_, connections_, deadlines_, stream_limits_),
      hub_(limits.history, streams_) {
  stream_api_.add_routes(router_);
  channel_api_.add_routes(router_);
  readers_[0].subscription = of_job("a");
  readers_[1].subscription = of_job("b");
  readers_[2].subscription = of_owner("ann");
  readers_[3].subscription = {"/v1/events?all=true", [](const Happened&) { return true; }};
  readers_[4].subscription = of_jobs("/v1/events?job=a&job=b", "ab");
  readers_[5].subscription = {"/v1/events?all=true", [](const Happened&) { return true; }};
  readers_[5].framing = Framing::kUntilClose;
  readers_[6].subscription.target = kChannelTarget;
  readers_[7].subscription = of_job("a");
  readers_[7].framing = Framing::kGzipChunked;
  readers_[8].subscription = {"/v1/events?all=true", [](const Happened&) { return true; }};
  readers_[8].framing = Framing::kGzipChunked;
}

ModelWorld::~ModelWorld() { connections_.close_all(); }

void ModelWorld::commit(Change change) {
  const bool full = change.kind == ChangeKind::kCreate && jobs_.size() >= limits_.jobs.jobs_max &&
                    jobs_.find(change.job_id) == nullptr;
  // The ledger takes the change; the model needs one too.
  Change copy = make_change(change.kind, change.job_id, change.at);
  if (change.creation) copy.creation = std::make_unique<Creation>(*change.creation);
  copy.report = change.report;
  copy.if_match = change.if_match;
  const testing::Model::Answer expected = full ? Errc::kOverloaded : model_.apply(copy);
  ledger_.commit(std::move(change), [&](std::span<const Outcome> outcomes) {
    const Outcome& outcome = outcomes.front();
    ENSURE(outcome.error.has_value() == expected.has_value());
    if (expected) ENSURE(outcome.error->code == *expected);
    if (outcome.event) log(outcome, copy);
  });
  const Job* const job = jobs_.find(copy.job_id);
  const auto modelled = model_.jobs.find(copy.job_id);
  ENSURE((job != nullptr) == (modelled != model_.jobs.end()));
  if (job == nullptr) return;
  ENSURE(state_name(job->state) == modelled->second.state && job->done == modelled->second.done);
}

void ModelWorld::commit_to_channel(Change change) {
  const std::string user = change.job_id;
  const bool posts = change.kind == ChangeKind::kChannelPost;
  const bool forgets = change.kind == ChangeKind::kChannelForget;
  const Channel* const before = channels_.find(user);
  const bool is_new = before == nullptr;
  const bool stays = is_new || (forgets && before->posted_at > change.at.steady);
  const bool full = posts && is_new && channels_.size() >= limits_.channels.channels_max;
  const ChannelValue value = posts ? *change.value : ChannelValue{};
  bool taken = false;
  ledger_.commit(std::move(change),
                 [&](std::span<const Outcome> outcomes) { taken = !outcomes.front().error; });
  ENSURE(taken == !full && channels_.size() <= limits_.channels.channels_max);
  const Channel* const after = channels_.find(user);
  ENSURE((after != nullptr) == (posts ? !full : (!is_new && stays)));
  if (posts && !full) ENSURE(after->latest.json == value.json);
  if (full || user != kChannelUser || (!posts && stays)) return;
  const bool status_changed = is_new || value.status != channel_status_;
  channel_status_ = value.status;
  channel_log_.push_back(
      {ledger_.last_sequence(), std::string(value.json.view()), posts && status_changed});
}

void ModelWorld::log(const Outcome& outcome, const Change& change) {
  const Job& job = *outcome.job;
  const Event& event = *outcome.event;
  ENSURE(log_.empty() || log_.back().sequence < event.sequence);
  ENSURE(job.spec.id == change.job_id);
  log_.push_back({event.sequence, job.created_sequence, job.spec.id, job.spec.owner, event.type,
                  event.conflatable(), std::string(state_name(job.state)), job.done});
}

void ModelWorld::connect(std::size_t reader, bool resumes) {
  Reader& its = readers_[reader];
  if (its.stream || its.over) return;
  Request request;
  request.method = Method::kGet;
  request.target = its.subscription.target;
  ENSURE(request.read_target());
  if (!resumes) its.last_id.clear();
  if (its.last_id.empty()) its.known.clear();
  if (!its.last_id.empty()) add_header(request, "Last-Event-ID", its.last_id);
  connecting_ = &its;
  router_.dispatch(request, Responder(*this, 0));
  ENSURE(std::exchange(connecting_, nullptr) == nullptr);  // answered at once
}

void ModelWorld::reply(ConnectionId, Response response) {
  Reader& reader = *std::exchange(connecting_, nullptr);
  const bool named = reader.subscription.target.find("job") != std::string::npos;
  ENSURE(named && (response.status == 404 || response.status == 204));
  // A reader of one job that has seen its end is told to stay away.
  if (response.status == 204) ENSURE(reader.subscription.ends_with_job && !reader.last_id.empty());
  if (response.status == 204) reader.over = true;
}

Subscription ModelWorld::subscription_now(const Reader& reader) const {
  Subscription now = reader.subscription;
  if (now.ends_with_job) {
    // The job of that id, and none that had it before or will have it.
    const Job* const job = jobs_.find(now.target.substr(std::string_view("/v1/jobs/").size(), 1));
    ENSURE(job != nullptr);
    now.wants = [wants = now.wants, of = job->created_sequence](const Happened& h) {
      return h.job == of && wants(h);
    };
  } else if (now.target.find("job") != std::string::npos) {
    // Jobs that are made later are others, whatever their ids.
    now.wants = [wants = now.wants, through = ledger_.last_sequence()](const Happened& h) {
      return h.job <= through && wants(h);
    };
  }
  return now;
}

void ModelWorld::note_untold(Reader& reader) const {
  const std::optional<Sequence> seen = ids_.parse(reader.last_id);
  if (!seen) reader.untold.clear();
  if (!seen || reader.subscription.target.find("job=") == std::string::npos) return;
  for (const auto& [sequence, job] : jobs_.all()) {
    if (sequence > reader.began_at && sequence <= *seen) reader.untold.insert(sequence);
  }
}

void ModelWorld::begin_reading(Reader& reader) {
  const Sequence now = ledger_.last_sequence();
  note_untold(reader);
  reader.began_at = now;
  if (reader.subscription.target == kChannelTarget) {
    auto follower = std::make_unique<ChannelFollower>(ids_, channel_log_, reader.framing);
    follower->begin(reader.last_id, now, limits_.history.events_max);
    reader.stream = std::move(follower);
    return;
  }
  auto follower = std::make_unique<Follower>(ids_, log_, reader.framing);
  follower->begin(subscription_now(reader), reader.last_id, reader.known, now);
  reader.follower = follower.get();
  reader.stream = std::move(follower);
}

bool ModelWorld::stream(ConnectionId, StreamStart start) {
  Reader& reader = *std::exchange(connecting_, nullptr);
  ENSURE(start.rest == nullptr);  // so few jobs are told of at once
  reader.fd = sockets_.add();
  reader.id = connections_.open(reader.fd);
  const std::uint32_t slot = ConnectionTable::slot_of(reader.id);
  Connection& connection = connections_.at(slot);
  connection.framing = reader.framing;
  begin_reading(reader);
  if (is_compressed(reader.framing)) {
    streams_.compress_opening(reader.framing, start.opening);
    start.opening.insert(start.opening.begin(), make_frame(Framing::kChunked, kGzipHeader, {}));
  }
  streams_.begin(slot, start.opening, /*ends=*/!start.live, {.wall_at = clock_.wall_at()});
  if (!start.live || connection.state != Connection::State::kStreaming) return true;
  connection.subscribed = true;
  hub_.subscribe(slot, std::move(start.live->query), {start.live->dialect, reader.framing},
                 start.live->seen_through);
  return true;
}

void ModelWorld::leave(Reader& reader, bool complete) {
  reader.stream->check(complete);
  reader.last_id = reader.stream->last_id();
  if (reader.follower != nullptr) reader.known = reader.follower->known();
  if (reader.follower != nullptr && !reader.follower->resumed()) reader.untold.clear();
  reader.follower = nullptr;
  reader.stream.reset();
  connections_.close(ConnectionTable::slot_of(reader.id));
}

void ModelWorld::disconnect(std::size_t reader) {
  if (readers_[reader].stream) leave(readers_[reader], /*complete=*/false);
}

void ModelWorld::set_room(std::size_t reader, std::size_t bytes) {
  Reader& its = readers_[reader];
  if (!its.stream) return;
  if (bytes != SIZE_MAX) its.stream->was_slow();
  sockets_.at(its.fd).room = bytes;
  if (bytes > 0 && connections_.find(its.id) != nullptr) {
    streams_.on_writable(ConnectionTable::slot_of(its.id));
  }
}

std::size_t ModelWorld::unread(const Reader& reader) {
  return sockets_.at(reader.fd).outgoing.size();
}

void ModelWorld::read(std::size_t reader, std::size_t bytes_max) {
  Reader& its = readers_[reader];
  if (!its.stream) return;
  std::string& arrived = sockets_.at(its.fd).outgoing;
  const std::size_t size = std::min(bytes_max, arrived.size());
  its.stream->read(std::string_view(arrived).substr(0, size));
  arrived.erase(0, size);
  notice_end(its);
}

void ModelWorld::notice_end(Reader& reader) {
  const MemorySockets::Socket& socket = sockets_.at(reader.fd);
  if (unread(reader) > 0 || !(socket.shut || socket.closed)) return;
  // The server ends a stream only with its job; what it closes was too slow.
  if (socket.shut) {
    ENSURE(reader.follower->at_rest() &&
           reader.subscription.target.find("job") != std::string::npos);
    ENSURE(reader.framing == Framing::kUntilClose || reader.stream->ended());
  }
  leave(reader, socket.shut);
}

void ModelWorld::check_bounds() {
  ENSURE(jobs_.size() <= limits_.jobs.jobs_max && jobs_.size() == model_.jobs.size());
  ENSURE(jobs_.removed().size() <= limits_.jobs.removed_max);
  for (const auto& [sequence, job] : jobs_.all()) {
    ENSURE(job->topic.history_bytes() <= limits_.history.bytes_max);
  }
  for (const Reader& reader : readers_) {
    if (!reader.stream || connections_.find(reader.id) == nullptr) continue;
    const Connection& connection = connections_.at(ConnectionTable::slot_of(reader.id));
    if (!connection.backlog) continue;
    ENSURE(connection.backlog->outbox.bytes() <=
           limits_.outbox_bytes_max + connection.backlog->opening_bytes);
  }
}

void ModelWorld::end_turn() {
  hub_.flush();
  connections_.reap();
  check_bounds();
}

void ModelWorld::pass_ticks(Tick ticks) {
  deadlines_.advance(deadlines_.now() + ticks,
                     [this](std::uint32_t slot) { streams_.on_due(slot); });
}

void ModelWorld::check_known(const Reader& reader) const {
  for (const auto& [sequence, job] : jobs_.all()) {
    const auto last = std::find_if(log_.rbegin(), log_.rend(),
                                   [&, at = sequence](const auto& h) { return h.job == at; });
    ENSURE(last != log_.rend());
    if (!reader.follower->subscription().wants(*last)) continue;
    const auto known = reader.follower->known().find(job->spec.id);
    if (known == reader.follower->known().end()) {
      ENSURE(reader.untold.contains(sequence) && reader.follower->resumed());
      ENSURE(last->sequence <= reader.follower->resumed_after());
      continue;
    }
    const testing::ModelJob& modelled = model_.jobs.at(job->spec.id);
    ENSURE(known->second.state == modelled.state && known->second.done == modelled.done);
  }
}

void ModelWorld::settle() {
  for (std::size_t i = 0; i < kReaders; ++i) set_room(i, SIZE_MAX);
  end_turn();
  for (std::size_t i = 0; i < kReaders; ++i) read(i, SIZE_MAX);
  for (Reader& reader : readers_) {
    if (!reader.stream) continue;
    ENSURE(reader.stream->at_rest());
    if (reader.follower != nullptr) check_known(reader);
    leave(reader, /*complete=*/true);
  }
  end_turn();
  ENSURE(connections_.open_count() == 0 && streams_.counters().open == 0);
}

}  // namespace progressd::fuzz
