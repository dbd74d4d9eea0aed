#include "net/api/opening.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "net/api/input.h"
#include "net/api/many_jobs.h"

namespace progressd {
namespace {

/// A reader that was cut off comes back after between one and three seconds: spread, so that a
/// restart of the server is no stampede.
constexpr Millis kRetryMinMs = 1'000;
constexpr Millis kRetryMaxMs = 3'000;

/// The head, `retry:`, a latest value, and what a dialect says before it.
constexpr std::size_t kFramesUsual = 4;

}  // namespace

bool JobsAmong::takes(const Job& job) const {
  return (!owner || job.spec.owner == *owner) && (!matches || matches(job)) &&
         (!listed || std::binary_search(listed->begin(), listed->end(), job.created_sequence));
}

Job* JobsAmong::next_after(Sequence& place, std::size_t& steps) const {
  if (listed) {
    for (auto at = std::upper_bound(listed->begin(), listed->end(), place); at != listed->end();
         ++at) {
      place = *at;
      if (const auto job = jobs.all().find(*at); job != jobs.all().end()) return job->second;
    }
    return nullptr;
  }
  const JobTable::BySequence* const all = owner ? jobs.of_owner(*owner) : &jobs.all();
  if (all == nullptr) return nullptr;
  for (auto at = all->upper_bound(place); at != all->end(); ++at) {
    if (steps == 0) return nullptr;
    --steps;
    place = at->first;
    if (!matches || matches(*at->second)) return at->second;
  }
  steps = std::max<std::size_t>(steps, 1);  // there is no more to look at
  return nullptr;
}

void JobsAmong::each(Sequence removed_after, const std::function<bool(Job&)>& visit) const {
  Sequence place = 0;
  std::size_t steps = SIZE_MAX;
  while (Job* const job = next_after(place, steps)) {
    if (!visit(*job)) return;
  }
  for (const auto& job : jobs.removed()) {
    if (job->removed_sequence > removed_after && takes(*job) && !visit(*job)) return;
  }
}

bool JobsAmong::none_left() const {
  Sequence place = 0;
  std::size_t steps = SIZE_MAX;
  return next_after(place, steps) == nullptr;
}

Selection select_job(Job& job) {
  Selection selection;
  selection.topic = &job.topic;
  if (is_terminal(job.state)) return selection;
  selection.live.emplace();
  selection.live->topics = {&job.topic};
  selection.live->ends_with_topic = true;
  return selection;
}

bool accepts_stream(const Request& request, const Responder& responder) {
  if (accepts(request, "text", "event-stream")) return true;
  responder.reply(problem(406, "this is a stream of text/event-stream"));
  return false;
}

bool is_head(const Request& request, const Responder& responder) {
  if (request.method != Method::kHead) return false;
  responder.stream({});
  return true;
}

/// What a stream begins with, while it is put together.
struct Opener::Opening {
  const StreamDialect& dialect;
  Framing framing;
  std::vector<FrameRef> frames;
  Sequence seen_through = 0;

  void add(FrameRef frame) {
    if (frame.is_null()) return;
    seen_through = std::max(seen_through, frame.about().sequence);
    frames.push_back(std::move(frame));
  }
  /// Takes what is no event of the journal; nothing where the dialect said nothing.
  void add_text(std::string& payload) {
    if (!payload.empty()) add(make_frame(framing, payload, {}));
    payload.clear();
  }
};

Opener::Opener(const Parts& parts) : parts_(parts) {
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

std::string_view last_event_id(const Request& request) {
  const std::string_view header = request.header("Last-Event-ID").value_or("");
  return header.empty() ? request.query("lastEventId").value_or("") : header;
}

Opener::Seen Opener::seen(const Request& request) const {
  Seen seen;
  seen.id = last_event_id(request);
  seen.through = parts_.ids.parse(seen.id);
  if (seen.through && *seen.through > parts_.ledger.last_sequence()) seen.through.reset();
  return seen;
}

bool Opener::resumes(const Seen& seen, const Selection& selection) {
  if (!seen.through) return false;
  if (selection.topic != nullptr) return selection.topic->retains_after(*seen.through);
  bool all_kept = true;
  if (selection.among) {
    if (!selection.among->jobs.retains_removed_after(*seen.through)) return false;
    selection.among->each(
        *seen.through, [&](Job& job) { return all_kept = job.topic.retains_after(*seen.through); });
  }
  return all_kept;
}

bool Opener::open(const Responder& responder, const StreamDialect& dialect, const Seen& seen,
                  Selection selection) {
  const Topic* const topic = selection.topic;
  if (!selection.live && seen.through && topic != nullptr &&
      *seen.through >= topic->last_sequence()) {
    Response seen_all;  // which stops an EventSource for good
    seen_all.status = 204;
    responder.reply(std::move(seen_all));
    return true;
  }
  Opening opening{dialect, responder.framing(), {}};
  opening.frames.reserve(kFramesUsual);
  opening.add(
      retries_.at(static_cast<std::size_t>(opening.framing)).at(parts_.random.next() % kRetries));
  if (selection.among) return open_many(responder, opening, seen, std::move(selection));
  const bool resumed = resumes(seen, selection);
  std::string text;
  dialect.encode_greeting(resumed ? seen.id : std::string_view(), text);
  opening.add_text(text);
  if (!resumed && !seen.id.empty()) dialect.encode_gap(seen.id, text);
  opening.add_text(text);
  if (topic != nullptr && resumed) {
    dialect.encode_restatement(topic->subject(), topic->kept_around(*seen.through), text);
    opening.add_text(text);
    topic->replay_after(*seen.through, [&](const Event& event) {
      if (event.sequence > selection.replay_through.value_or(event.sequence)) return;
      opening.add(encoder_.encode(dialect, opening.framing, *topic, event));
    });
  } else if (topic != nullptr) {
    opening.add(latest(opening, *topic));
  }
  StreamStart start;
  start.opening = std::move(opening.frames);
  if (selection.live) {
    start.live = StreamLive{std::move(*selection.live), &dialect, opening.seen_through};
  }
  return responder.stream(std::move(start));
}

bool Opener::open_many(const Responder& responder, Opening& opening, const Seen& seen,
                       Selection selection) {
  const ManyJobs many{parts_.ledger, opening.dialect, opening.framing, std::move(*selection.among),
                      std::move(*selection.live)};
  StreamStart start;
  if (seen.through) {
    auto replay = std::make_unique<ReplayRest>(many, seen.id, *seen.through);
    start.live = replay->live_meanwhile();
    start.rest = std::move(replay);
  } else {
    auto latest = std::make_unique<LatestRest>(many, seen.id);
    start.live = latest->live_meanwhile();
    start.rest = std::move(latest);
  }
  // Mostly there are few, and what there is to say is said at once.
  start.opening = std::move(opening.frames);
  if (start.rest->next(start.opening)) {
    start.live = start.rest->live();
    start.rest.reset();
  }
  return responder.stream(std::move(start));
}

FrameRef Opener::latest(const Opening& opening, const Topic& topic) {
  // Many readers of one topic often come at once: the last one made is kept for the next of them.
  const LatestKey key{&opening.dialect, opening.framing, topic.id(), topic.last_sequence()};
  if (!(key == last_latest_key_)) {
    std::string payload;
    opening.dialect.encode_latest(topic.subject(), topic.last_sequence(), /*partial=*/false,
                                  payload);
    last_latest_ =
        make_frame(opening.framing, payload, {topic.id(), topic.last_sequence(), false, false});
    last_latest_key_ = key;
  }
  return last_latest_;
}

}  // namespace progressd
