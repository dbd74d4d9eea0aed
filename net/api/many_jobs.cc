#include "net/api/many_jobs.h"

#include <algorithm>
#include <utility>

namespace progressd {
namespace {

constexpr std::size_t kPieceBytesMax = 64 * 1024;  // but for its last frame

/// Whether a piece that began with `before` frames has room for one more.
bool has_room(const std::vector<FrameRef>& frames, std::size_t before, std::size_t bytes) {
  return frames.size() - before < kOpeningFramesMax && bytes < kPieceBytesMax;
}

/// Takes what is no event of the journal; nothing where the dialect said nothing.
void add_text(Framing framing, std::string& text, std::vector<FrameRef>& frames) {
  if (!text.empty()) frames.push_back(make_frame(framing, text, {}));
  text.clear();
}

}  // namespace

std::optional<Query> ManyJobs::query_now() const {
  if (!among.listed) return query;
  Query now = query;
  now.topics.clear();
  among.each(UINT64_MAX, [&](Job& job) {
    now.topics.push_back(&job.topic);
    return true;
  });
  if (now.topics.empty()) return std::nullopt;
  return now;
}

std::optional<StreamLive> ManyJobs::live_now(const Dialect& with, Sequence seen_through) const {
  std::optional<Query> now = query_now();
  if (!now) return std::nullopt;
  return StreamLive{std::move(*now), &with, seen_through};
}

bool LatestRest::encode_meanwhile(const Job& job, const Event& event, std::string& out) const {
  const bool goes_unseen = many_.among.listed && event.type == EventType::kRemoved;
  return (job.created_sequence <= told_ || goes_unseen) &&
         many_.dialect.encode_partial(job, event, out);
}

void LatestRest::add(const Job& job, bool partial, std::vector<FrameRef>& frames) {
  // The last one says how far the stream has come in all: what is told of other jobs is not older.
  const Sequence through = partial ? job.last_sequence : many_.ledger.last_sequence();
  payload_.clear();
  many_.dialect.encode_latest(job, through, partial, payload_);
  frames.push_back(make_frame(many_.framing, payload_, {job.topic.id(), through, false, false}));
  told_ = job.created_sequence;
}

void LatestRest::begin(std::vector<FrameRef>& frames) {
  has_begun_ = true;
  std::string text;
  many_.dialect.encode_greeting({}, text);
  add_text(many_.framing, text, frames);
  if (!seen_id_.empty()) many_.dialect.encode_gap(seen_id_, text);
  add_text(many_.framing, text, frames);
}

bool LatestRest::next(std::vector<FrameRef>& frames) {
  if (!has_begun_) begin(frames);
  const std::size_t before = frames.size();
  std::size_t bytes = 0;
  std::size_t steps = kOpeningStepsMax;
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
  return many_.live_now(many_.dialect, many_.ledger.last_sequence());
}

bool ReplayRest::Meanwhile::encode(const Subject& subject, const Event& event,
                                   std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  if (rest_.anew_) return rest_.anew_->encode_meanwhile(job, event, out);
  rest_.note(job, event);
  return false;
}

void ReplayRest::note(const Job& job, const Event& event) {
  if (stage_ == Stage::kCutOff || !many_.among.takes(job)) return;
  // One that was not looked at yet will be; one with earlier events to replay is queued already.
  if (stage_ == Stage::kLooking && job.created_sequence > place_) return;
  if (stage_ != Stage::kLooking && !job.topic.retains_after(after_)) {
    stage_ = Stage::kCutOff;
    return;
  }
  const Event* const before = job.topic.kept_around(event.sequence - 1);
  const bool is_queued =
      before != nullptr && before->sequence < event.sequence && before->sequence > after_;
  if (!is_queued) queue_.push({event.sequence, &job});
}

bool ReplayRest::queue_next(const Job& job) {
  if (!job.topic.retains_after(after_)) return false;
  const Event* const event = job.topic.first_after(after_);
  if (event != nullptr) queue_.push({event->sequence, &job});
  return true;
}

bool ReplayRest::look() {
  const JobTable& jobs = many_.among.jobs;
  if (!jobs.retains_removed_after(seen_)) return false;
  std::size_t steps = kOpeningStepsMax;
  while (const Job* const job = many_.among.next_after(place_, steps)) {
    if (!queue_next(*job)) return false;
  }
  if (steps == 0) return true;
  for (const auto& job : jobs.removed()) {
    if (job->removed_sequence > seen_ && many_.among.takes(*job) && !queue_next(*job)) return false;
  }
  stage_ = Stage::kRestating;
  place_ = 0;
  return true;
}

bool ReplayRest::restate(std::vector<FrameRef>& frames) {
  std::size_t bytes = 0;
  std::size_t steps = kOpeningStepsMax;
  std::string text;
  const std::size_t before = frames.size();
  while (has_room(frames, before, bytes)) {
    const Job* const job = many_.among.next_after(place_, steps);
    if (job == nullptr) return steps > 0;
    many_.dialect.encode_restatement(*job, job->topic.kept_around(seen_), text);
    bytes += text.size();
    add_text(many_.framing, text, frames);
  }
  return false;
}

bool ReplayRest::replay(std::vector<FrameRef>& frames) {
  std::size_t bytes = 0;
  const std::size_t before = frames.size();
  for (std::size_t steps = kOpeningStepsMax; !queue_.empty(); --steps) {
    if (steps == 0 || !has_room(frames, before, bytes)) return false;
    const Next next = queue_.top();
    queue_.pop();
    if (next.sequence <= after_) continue;  // a job that was removed meanwhile is queued twice
    const Topic& topic = next.job->topic;
    if (!topic.retains_after(after_)) {
      stage_ = Stage::kCutOff;
      return true;
    }
    FrameRef frame =
        encoder_.encode(many_.dialect, many_.framing, topic, *topic.first_after(after_));
    after_ = next.sequence;
    queue_next(*next.job);
    if (frame.is_null()) continue;
    bytes += frame.bytes().size();
    frames.push_back(std::move(frame));
  }
  return true;
}

bool ReplayRest::next(std::vector<FrameRef>& frames) {
  if (anew_) return anew_->next(frames);
  if (stage_ == Stage::kLooking) {
    if (!look()) return anew_.emplace(many_, seen_id_).next(frames);
    if (stage_ == Stage::kLooking) return false;
    std::string text;
    many_.dialect.encode_greeting(seen_id_, text);
    add_text(many_.framing, text, frames);
  }
  // A job that is removed is there for so long: nothing is looked at that is not.
  if (!many_.among.jobs.retains_removed_after(after_)) stage_ = Stage::kCutOff;
  if (stage_ == Stage::kRestating) {
    if (!restate(frames)) return false;
    stage_ = Stage::kReplaying;
  }
  return stage_ == Stage::kCutOff || replay(frames);
}

std::optional<StreamLive> ReplayRest::live() {
  if (anew_) return anew_->live();
  if (stage_ == Stage::kCutOff) return std::nullopt;
  return many_.live_now(many_.dialect, many_.ledger.last_sequence());
}

}  // namespace progressd
