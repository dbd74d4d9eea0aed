#include "net/api/many_jobs.h"

#include <algorithm>
#include <queue>
#include <utility>

namespace progressd {
namespace {

constexpr std::size_t kPieceBytesMax = 64 * 1024;  // but for its last frame
/// Jobs that are looked at for a piece: then it is the others' turn.
constexpr std::size_t kStepsMax = 10'000;

/// Whether a piece that began with `before` frames has room for one more.
bool has_room(const std::vector<FrameRef>& frames, std::size_t before, std::size_t bytes) {
  return frames.size() - before < kOpeningFramesMax && bytes < kPieceBytesMax;
}

}  // namespace

Query ManyJobs::query_now() const {
  if (!among.listed) return query;
  Query now = query;
  now.topics.clear();
  among.each(UINT64_MAX, [&](Job& job) {
    now.topics.push_back(&job.topic);
    return true;
  });
  return now;
}

bool LatestRest::Meanwhile::encode(const Subject& subject, const Event& event,
                                   std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  return job.created_sequence <= rest_.told_ &&
         rest_.many_.dialect.encode_partial(subject, event, out);
}

void LatestRest::add(const Job& job, bool partial, std::vector<FrameRef>& frames) {
  // The last one says how far the stream has come in all: what is told of other jobs is not older.
  const Sequence through = partial ? job.last_sequence : many_.ledger.last_sequence();
  payload_.clear();
  many_.dialect.encode_latest(job, through, partial, payload_);
  frames.push_back(make_frame(many_.framing, payload_, {job.topic.id(), through, false, false}));
  told_ = job.created_sequence;
}

bool LatestRest::next(std::vector<FrameRef>& frames) {
  const std::size_t before = frames.size();
  std::size_t bytes = 0;
  std::size_t steps = kStepsMax;
  Sequence place = told_;
  const Job* job = many_.among.next_after(place, steps);
  while (job != nullptr) {
    const Job* const following = many_.among.next_after(place, steps);
    const bool is_last = following == nullptr && steps > 0;
    add(*job, !is_last, frames);
    if (is_last) return true;
    bytes += frames.back().bytes().size();
    if (following == nullptr || !has_room(frames, before, bytes)) return false;
    job = following;
  }
  // Nobody takes these jobs: they count as told, so that the next piece goes on behind them.
  if (steps == 0) told_ = place;
  return steps > 0;
}

std::optional<StreamLive> LatestRest::live() {
  Query query = many_.query_now();
  if (query.topics.empty() && query.group.empty()) return std::nullopt;
  return StreamLive{std::move(query), &many_.dialect, many_.ledger.last_sequence()};
}

bool ReplayRest::restate(std::vector<FrameRef>& frames) {
  std::size_t bytes = 0;
  std::size_t steps = kStepsMax;
  std::string text;
  const std::size_t before = frames.size();
  while (has_room(frames, before, bytes)) {
    const Job* const job = many_.among.next_after(restated_, steps);
    if (job == nullptr) return steps > 0;
    text.clear();
    many_.dialect.encode_restatement(*job, job->topic.kept_around(seen_), text);
    if (text.empty()) continue;
    frames.push_back(make_frame(many_.framing, text, {}));
    bytes += text.size();
  }
  return false;
}

std::vector<ReplayRest::Past> ReplayRest::first_events() {
  // The earliest ones after `after_`, of all topics: a heap keeps the latest of them on top.
  std::priority_queue<Past> earliest;
  if (!many_.among.jobs.retains_removed_after(after_)) {
    is_cut_off_ = true;
    return {};
  }
  many_.among.each(seen_, [&](Job& job) {
    if (!job.topic.retains_after(after_)) {
      is_cut_off_ = true;
      return false;
    }
    job.topic.replay_after(after_, [&](const Event& event) {
      if (earliest.size() == kOpeningFramesMax) {
        if (earliest.top().event->sequence < event.sequence) return;
        earliest.pop();
      }
      earliest.push({&job.topic, &event});
    });
    return true;
  });
  std::vector<Past> events;
  for (; !earliest.empty(); earliest.pop()) events.push_back(earliest.top());
  std::reverse(events.begin(), events.end());
  return events;
}

bool ReplayRest::next(std::vector<FrameRef>& frames) {
  if (!is_restated_) {
    is_restated_ = restate(frames);
    if (!is_restated_) return false;
  }
  const std::size_t before = frames.size();
  std::size_t bytes = 0;
  const std::vector<Past> events = first_events();
  if (is_cut_off_) return true;
  for (const Past& past : events) {
    if (!has_room(frames, before, bytes)) return false;
    FrameRef frame = encoder_.encode(many_.dialect, many_.framing, *past.topic, *past.event);
    after_ = past.event->sequence;
    if (frame.is_null()) continue;
    bytes += frame.bytes().size();
    frames.push_back(std::move(frame));
  }
  return events.size() < kOpeningFramesMax;
}

std::optional<StreamLive> ReplayRest::live() {
  Query query = many_.query_now();
  if (is_cut_off_ || (query.topics.empty() && query.group.empty())) return std::nullopt;
  return StreamLive{std::move(query), &many_.dialect, many_.ledger.last_sequence()};
}

}  // namespace progressd
