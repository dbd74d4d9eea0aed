#include "net/api/opening.h"

#include <utility>

#include "net/api/input.h"

namespace progressd {
namespace {

/// A reader that was cut off comes back after between one and three seconds: spread, so that a
/// restart of the server is no stampede.
constexpr Millis kRetryMinMs = 1'000;
constexpr Millis kRetryMaxMs = 3'000;

/// The head, `retry:`, a latest value, and what a dialect says before it.
constexpr std::size_t kFramesUsual = 4;

}  // namespace

Selection select_job(Job& job) {
  Selection selection;
  selection.topics = {&job.topic};
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

/// What a stream begins with, while it is put together.
struct Opener::Opening {
  const StreamDialect& dialect;
  Framing framing;
  std::vector<FrameRef> frames;
  Sequence seen_through = 0;

  void add(FrameRef frame) {
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
  const auto kept = [&](const Topic* topic) { return topic->retains_after(*seen.through); };
  return seen.through && std::all_of(selection.topics.begin(), selection.topics.end(), kept) &&
         std::all_of(selection.removed.begin(), selection.removed.end(), kept);
}

void Opener::open(const Responder& responder, const StreamDialect& dialect, const Seen& seen,
                  Selection selection) {
  const auto is_seen = [&](const Topic* topic) { return *seen.through >= topic->last_sequence(); };
  if (!selection.live && seen.through &&
      std::all_of(selection.topics.begin(), selection.topics.end(), is_seen)) {
    Response seen_all;  // which stops an EventSource for good
    seen_all.status = 204;
    return responder.reply(std::move(seen_all));
  }
  const bool resumed = resumes(seen, selection);
  Opening opening{dialect, responder.framing(), {}};
  opening.frames.reserve(kFramesUsual);
  opening.add(
      retries_.at(static_cast<std::size_t>(opening.framing)).at(parts_.random.next() % kRetries));
  std::string text;
  dialect.encode_greeting(resumed ? seen.id : std::string_view(), text);
  opening.add_text(text);
  if (resumed) {
    for (const Topic* topic : selection.topics) {
      dialect.encode_restatement(topic->subject(), topic->kept_around(*seen.through), text);
      opening.add_text(text);
    }
    append_replay(opening, selection, *seen.through);
  } else {
    if (!seen.id.empty()) dialect.encode_gap(seen.id, text);
    opening.add_text(text);
    append_latest(opening, std::move(selection.topics));
  }
  StreamStart start;
  start.opening = std::move(opening.frames);
  if (selection.live) {
    start.live = StreamStart::Live{std::move(*selection.live), &dialect, opening.seen_through};
  }
  responder.stream(std::move(start));
}

void Opener::append_latest(Opening& opening, std::vector<Topic*> topics) {
  std::sort(topics.begin(), topics.end(),
            [](const Topic* a, const Topic* b) { return a->last_sequence() < b->last_sequence(); });
  for (const Topic* topic : topics) opening.add(latest(opening, *topic, topic != topics.back()));
}

FrameRef Opener::latest(const Opening& opening, const Topic& topic, bool partial) {
  // Many readers of one topic often come at once: the last one made is kept for the next of them.
  const LatestKey key{&opening.dialect, opening.framing, topic.id(), topic.last_sequence(),
                      partial};
  if (!(key == last_latest_key_)) {
    std::string payload;
    opening.dialect.encode_latest(topic.subject(), partial, payload);
    last_latest_ =
        make_frame(opening.framing, payload, {topic.id(), topic.last_sequence(), false, false});
    last_latest_key_ = key;
  }
  return last_latest_;
}

void Opener::append_replay(Opening& opening, const Selection& selection, Sequence after) {
  struct Past {
    const Topic* topic;
    const Event* event;
  };
  std::vector<Past> past;
  for (const std::vector<Topic*>* topics : {&selection.topics, &selection.removed}) {
    for (const Topic* topic : *topics) {
      topic->replay_after(after, [&](const Event& event) { past.push_back({topic, &event}); });
    }
  }
  std::sort(past.begin(), past.end(),
            [](const Past& a, const Past& b) { return a.event->sequence < b.event->sequence; });
  for (const Past& one : past) {
    FrameRef frame = encoder_.encode(opening.dialect, opening.framing, *one.topic, *one.event);
    if (!frame.is_null()) opening.add(std::move(frame));
  }
}

}  // namespace progressd
