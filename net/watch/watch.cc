#include "net/watch/watch.h"

#include <algorithm>
#include <utility>

#include "core/stream/sse.h"
#include "net/api/opening.h"
#include "net/compat/status_json.h"
#include "net/log.h"

namespace progressd {
namespace {

constexpr Millis kBackoffMsMax = 10'000;

}  // namespace

Result<WatchedStatus> read_status(JsonReader& reader, std::string body) {
  body.reserve(body.size() + kJsonPaddingBytes);
  WatchedStatus status;
  bool has_result = false;
  const Result<void> read =
      reader.read_object(body, [&](std::string_view key, JsonValue& value) -> Result<void> {
        if (key == "result") {
          return value.string(key, kFetchedBytesMax).map([&](std::string_view text) {
            status.result = text;
            has_result = true;
          });
        }
        if (key == "message") {
          return value.string(key, kFetchedBytesMax).map([&](std::string_view text) {
            status.message = text;
          });
        }
        return {};
      });
  if (!read) return fail(Errc::kUnavailable, read.error().detail);
  if (!has_result) return fail(Errc::kUnavailable, "the JSON has no result");
  return status;
}

Millis backoff_ms(Millis interval_ms, std::uint32_t failures) {
  Millis wait = interval_ms;
  for (std::uint32_t i = 0; i < failures && wait < kBackoffMsMax; ++i) wait *= 2;
  return std::max(interval_ms, std::min(wait, kBackoffMsMax));
}

Watch::Watch(const Parts& parts, WatchSpec spec, TopicId topic_id)
    : parts_(parts),
      spec_(std::move(spec)),
      ids_(static_cast<std::uint32_t>(parts.random.next())),
      topic_(topic_id, *this),
      fetch_(parts.fetcher, spec_.url),
      timer_(parts.loop, [this] { poll(); }) {
  timer_.start_in(0);
}

void Watch::poll() {
  ++polls_;
  fetch_.start([this](Result<std::string> body) { on_fetched(std::move(body)); });
}

void Watch::on_fetched(Result<std::string> body) {
  Result<WatchedStatus> status =
      body ? read_status(reader_, std::move(*body)) : tl::unexpected(body.error());
  status ? on_status(std::move(*status)) : on_failure(std::move(status.error().detail));
}

void Watch::on_status(WatchedStatus status) {
  if (failures_ > 0) log::info("watch {}: it answers again", spec_.name);
  failures_ = 0;
  failure_.clear();
  timer_.start_in(spec_.interval_ms);
  if (status_ == status) return;

  Event event;
  event.sequence = topic_.last_sequence() + 1;
  event.state_changed = !status_ || status_->result != status.result;
  event.type = !status.is_terminal()          ? EventType::kProgress
               : status.result == "completed" ? EventType::kCompleted
                                              : EventType::kFailed;
  JsonWriter json;
  put_status(status.result, status.message, json);
  event.message = Text(json.view());
  status_ = std::move(status);
  latest_ = event;
  parts_.hub.publish(topic_, event);
}

void Watch::on_failure(std::string why) {
  if (failure_ != why) log::warn("watch {}: {}", spec_.name, why);
  failure_ = std::move(why);
  ++failures_;
  ++polls_failed_;
  // Between half of it and all of it, so that many watches of one server don't come at once.
  const Millis longest = backoff_ms(spec_.interval_ms, failures_);
  const auto half = static_cast<std::uint64_t>(longest) / 2;
  timer_.start_in(longest - static_cast<Millis>(parts_.random.next() % (half + 1)));
}

void Watch::follow(const Request& request, const Responder& responder) {
  if (!accepts_stream(request, responder)) return;
  Opener::Seen seen;
  seen.id = last_event_id(request);
  seen.through = ids_.parse(seen.id);
  if (seen.through && *seen.through > topic_.last_sequence()) seen.through.reset();
  Selection selection;
  if (status_) selection.topic = &topic_;
  if (!status_ || !status_->is_terminal()) {
    selection.live.emplace();
    selection.live->topics = {&topic_};
    selection.live->ends_with_topic = true;
  }
  if (Opener::resumes(seen, selection) && status_) {
    // Who was cut off before an end is told of that end, whatever began since.
    topic_.replay_after(*seen.through, [&](const Event& event) {
      if (selection.replay_through || !is_terminal(event.type)) return;
      selection.replay_through = event.sequence;
      selection.live.reset();
    });
  }
  parts_.opener.open(responder, *this, seen, std::move(selection));
}

bool Watch::encode(const Subject&, const Event& event, std::string& out) const {
  append_sse({}, ids_.text(event.sequence), event.message.view(), out);
  return true;
}

void Watch::encode_latest(const Subject& subject, Sequence, bool, std::string& out) const {
  encode(subject, latest_, out);
}

}  // namespace progressd
