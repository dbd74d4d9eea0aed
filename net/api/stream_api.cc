#include "net/api/stream_api.h"

#include <algorithm>
#include <utility>

#include "core/jobs/job_groups.h"
#include "net/api/input.h"
#include "net/api/job_api.h"

namespace progressd {
namespace {

/// A reader that was cut off comes back after between one and three seconds: spread, so that a
/// restart of the server is no stampede.
constexpr Millis kRetryMinMs = 1'000;
constexpr Millis kRetryMaxMs = 3'000;

/// False when it was there.
bool add_once(std::vector<const Job*>& jobs, const Job* job) {
  if (std::find(jobs.begin(), jobs.end(), job) != jobs.end()) return false;
  jobs.push_back(job);
  return true;
}

std::string last_event_id(const Request& request) {
  const std::string_view header = request.header("Last-Event-ID").value_or("");
  return std::string(header.empty() ? request.query("lastEventId").value_or("") : header);
}

}  // namespace

/// What a stream begins with, while it is put together.
struct StreamApi::Opening {
  const NativeDialect& dialect;
  Framing framing;
  std::vector<FrameRef> frames;
  Sequence seen_through = 0;

  void add(FrameRef frame) {
    seen_through = std::max(seen_through, frame.about().sequence);
    frames.push_back(std::move(frame));
  }
};

/// Which jobs a many-job stream is about.
struct StreamApi::Selection {
  std::vector<const Job*> jobs;
  std::vector<const Job*> removed;  // lately; for a reader that resumes
  Query query;
};

StreamApi::StreamApi(const Parts& parts)
    : parts_(parts), named_(parts.ids, true), unnamed_(parts.ids, false) {
  // Enough different ones to spread readers evenly, made once for all of them.
  constexpr Millis kStepMs = (kRetryMaxMs - kRetryMinMs) / static_cast<Millis>(kRetries);
  for (std::size_t i = 0; i < kRetries; ++i) {
    std::string payload;
    append_sse_retry(kRetryMinMs + kStepMs * static_cast<Millis>(i), payload);
    for (const Framing framing : {Framing::kChunked, Framing::kUntilClose}) {
      retries_.at(static_cast<std::size_t>(framing)).at(i) = make_frame(framing, payload, {});
    }
  }
}

void StreamApi::add_routes(Router& router) {
  router.add(Method::kGet, "/v1/jobs/{}/events",
             [this](Request& q, Responder r) { follow_job(q, r); });
  router.add(Method::kGet, "/v1/events", [this](Request& q, Responder r) { follow_many(q, r); });
}

Result<const NativeDialect*> StreamApi::dialect_of(const Request& request) const {
  const auto events = request.query("events");
  if (!events) return &named_;
  if (*events != "message") return fail(Errc::kInvalid, "events: only `message` is known");
  return &unnamed_;
}

std::optional<Sequence> StreamApi::place(const std::string& last_event_id) const {
  const std::optional<Sequence> sequence = parts_.ids.parse(last_event_id);
  if (!sequence || *sequence > parts_.ledger.last_sequence()) return std::nullopt;
  return sequence;
}

StreamApi::Opening StreamApi::open(const NativeDialect& dialect, Framing framing) const {
  Opening opening{dialect, framing, {}};
  const auto& retries = retries_.at(static_cast<std::size_t>(framing));
  opening.add(retries.at(parts_.random.next() % kRetries));
  return opening;
}

void StreamApi::append_gap(Opening& opening, std::string_view last_event_id) const {
  std::string payload;
  opening.dialect.encode_gap(last_event_id, payload);
  opening.add(make_frame(opening.framing, payload, {}));
}

void StreamApi::append_snapshots(Opening& opening, std::vector<const Job*> jobs) {
  std::sort(jobs.begin(), jobs.end(),
            [](const Job* a, const Job* b) { return a->last_sequence < b->last_sequence; });
  for (const Job* job : jobs) opening.add(snapshot(opening, *job, job != jobs.back()));
}

FrameRef StreamApi::snapshot(const Opening& opening, const Job& job, bool partial) {
  // Many readers of one job often come at once: the last snapshot made is kept for the next one.
  const SnapshotKey key{&opening.dialect, opening.framing, job.topic.id(), job.last_sequence,
                        partial};
  if (!(key == last_snapshot_key_)) {
    std::string payload;
    opening.dialect.encode_snapshot(job, partial, payload);
    last_snapshot_ =
        make_frame(opening.framing, payload, {job.topic.id(), job.last_sequence, false, false});
    last_snapshot_key_ = key;
  }
  return last_snapshot_;
}

void StreamApi::append_replay(Opening& opening, const std::vector<const Job*>& jobs,
                              Sequence after) {
  struct Past {
    const Job* job;
    const Event* event;
  };
  std::vector<Past> past;
  for (const Job* job : jobs) {
    job->topic.replay_after(after, [&](const Event& event) { past.push_back({job, &event}); });
  }
  std::sort(past.begin(), past.end(),
            [](const Past& a, const Past& b) { return a.event->sequence < b.event->sequence; });
  for (const Past& one : past) {
    opening.add(encoder_.encode(opening.dialect, opening.framing, one.job->topic, *one.event));
  }
}

void StreamApi::follow_job(const Request& request, const Responder& responder) {
  Job* const job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr) return responder.reply(problem(404, no_such_job(request.path_parameters[0])));
  if (!accepts(request, "text", "event-stream")) {
    return responder.reply(problem(406, "this is a stream of text/event-stream"));
  }
  const auto dialect = dialect_of(request);
  if (!dialect) return responder.reply(problem(dialect.error()));

  const std::string last = last_event_id(request);
  const std::optional<Sequence> placed = place(last);
  const bool over = is_terminal(job->state);
  if (over && placed && *placed >= job->last_sequence) {
    Response seen_all;  // which stops an EventSource for good
    seen_all.status = 204;
    return responder.reply(std::move(seen_all));
  }
  Opening opening = open(**dialect, responder.framing());
  if (placed && job->topic.retains_after(*placed)) {
    append_replay(opening, {job}, *placed);
  } else {
    if (!last.empty()) append_gap(opening, last);
    append_snapshots(opening, {job});
  }
  StreamStart start;
  start.opening = std::move(opening.frames);
  if (!over) {
    Query query;
    query.topics = {&job->topic};
    query.ends_with_topic = true;
    start.live = StreamStart::Live{std::move(query), *dialect, opening.seen_through};
  }
  responder.stream(std::move(start));
}

Result<StreamApi::Selection> StreamApi::select(const Request& request,
                                               std::optional<Sequence> resumes_from) const {
  Selection selection;
  const auto owner = filter(request, "owner");
  const auto kind = filter(request, "kind");
  const auto all = filter(request, "all");
  if (!owner) return tl::unexpected(owner.error());
  if (!kind) return tl::unexpected(kind.error());
  if (!all) return tl::unexpected(all.error());
  if (*all && **all != "true") return fail(Errc::kInvalid, "all: can only be `true`");

  // A job that was removed is still told of to a reader that has not seen its end.
  const auto is_news = [&](const Job& removed) {
    return resumes_from && removed.removed_sequence > *resumes_from;
  };
  if (request.query("job")) {
    if (*owner || *kind || *all) {
      return fail(Errc::kInvalid, "job: goes with no other filter");
    }
    for (const auto& [name, id] : request.query_parameters()) {
      if (name != "job") continue;
      if (id.empty()) return fail(Errc::kInvalid, "job: must not be empty");
      Job* job = parts_.jobs.find(id);
      bool known = job != nullptr;
      if (known && add_once(selection.jobs, job)) selection.query.topics.push_back(&job->topic);
      for (const auto& removed : parts_.jobs.removed()) {
        if (!is_news(*removed) || removed->spec.id != id) continue;
        add_once(selection.removed, removed.get());
        known = true;
      }
      if (!known) return fail(Errc::kNotFound, "no job has the id '" + id + "'");
    }
    return selection;
  }
  if (!*owner && !*kind && !*all) {
    return fail(Errc::kInvalid, "name jobs with job=, or owner=, kind= or all=true");
  }
  std::optional<std::string> owner_name = *owner;
  if (owner_name == "me") owner_name = kAnonymous;
  const auto matches = [&](const Job& job) {
    return (!owner_name || job.spec.owner == *owner_name) &&
           (!*kind || (!job.spec.kind.is_null() && job.spec.kind.view() == **kind));
  };
  const JobTable::BySequence* jobs =
      owner_name ? parts_.jobs.of_owner(*owner_name) : &parts_.jobs.all();
  if (jobs != nullptr) {
    for (const auto& [sequence, job] : *jobs) {
      if (matches(*job)) selection.jobs.push_back(job);
    }
  }
  for (const auto& removed : parts_.jobs.removed()) {
    if (is_news(*removed) && matches(*removed)) selection.removed.push_back(removed.get());
  }
  Query& query = selection.query;
  if (owner_name) query.group = group_of_owner(*owner_name);
  if (*kind) (owner_name ? query.also_group : query.group) = group_of_kind(**kind);
  if (query.group.empty()) query.group = group_of_all();
  return selection;
}

void StreamApi::follow_many(const Request& request, const Responder& responder) {
  const std::string last = last_event_id(request);
  const std::optional<Sequence> placed = place(last);
  const bool removals_kept = placed && parts_.jobs.retains_removed_after(*placed);
  Result<Selection> selection = select(request, removals_kept ? placed : std::nullopt);
  if (!selection) return responder.reply(problem(selection.error()));
  if (!accepts(request, "text", "event-stream")) {
    return responder.reply(problem(406, "this is a stream of text/event-stream"));
  }
  const auto dialect = dialect_of(request);
  if (!dialect) return responder.reply(problem(dialect.error()));

  const bool resumes =
      removals_kept &&
      std::all_of(selection->jobs.begin(), selection->jobs.end(),
                  [&](const Job* job) { return job->topic.retains_after(*placed); }) &&
      std::all_of(selection->removed.begin(), selection->removed.end(),
                  [&](const Job* job) { return job->topic.retains_after(*placed); });
  if (!resumes && selection->jobs.empty() && request.query("job")) {
    return responder.reply(problem(404, "the jobs were removed"));
  }
  Opening opening = open(**dialect, responder.framing());
  if (resumes) {
    std::vector<const Job*> jobs = selection->jobs;
    jobs.insert(jobs.end(), selection->removed.begin(), selection->removed.end());
    append_replay(opening, jobs, *placed);
  } else {
    if (!last.empty()) append_gap(opening, last);
    append_snapshots(opening, selection->jobs);
  }
  StreamStart start;
  start.opening = std::move(opening.frames);
  start.live = StreamStart::Live{std::move(selection->query), *dialect, opening.seen_through};
  responder.stream(std::move(start));
}

}  // namespace progressd
