#include "core/journal/state_codec.h"

#include <algorithm>
#include <utility>

#include "core/journal/change_codec.h"

namespace progressd {
namespace {

constexpr std::uint8_t kRowVersion = 2;
/// Jobs of version 1 have no `over_since`: their ages went by the wall clock.
constexpr std::uint8_t kWallRowVersion = 1;

bool is_row(std::uint8_t version) { return version == kRowVersion || version == kWallRowVersion; }

// What an event says that the one before did not, a bit each.
constexpr std::uint8_t kStateChanged = 1;
constexpr std::uint8_t kMessageChanged = 2;
constexpr std::uint8_t kOtherMessage = 4;
constexpr std::uint8_t kOtherTotal = 8;
constexpr std::uint8_t kOtherAttempt = 16;

void encode_event(const Event& event, const Event& before, ByteWriter& out) {
  const bool other_message = !(event.message == before.message);
  const bool other_total = event.total != before.total;
  const bool other_attempt = event.attempt != before.attempt;
  out.byte(static_cast<std::uint8_t>(
      (event.state_changed ? kStateChanged : 0) | (event.message_changed ? kMessageChanged : 0) |
      (other_message ? kOtherMessage : 0) | (other_total ? kOtherTotal : 0) |
      (other_attempt ? kOtherAttempt : 0)));
  out.byte(static_cast<std::uint8_t>(event.type));
  out.byte(event.state);
  out.number(event.sequence - before.sequence);
  out.integer(event.done - before.done);
  out.real(event.rate_per_second);
  out.integer(event.eta_seconds);
  if (other_message) out.text(event.message);
  if (other_total) out.integer(event.total);
  if (other_attempt) out.number(event.attempt);
}

Event decode_event(const Event& before, ByteReader& in) {
  Event event = before;  // what is not said is as it was
  const std::uint8_t says = in.byte();
  event.state_changed = (says & kStateChanged) != 0;
  event.message_changed = (says & kMessageChanged) != 0;
  const std::uint8_t type = in.byte();
  event.state = in.byte();
  if (type > static_cast<std::uint8_t>(EventType::kRemoved) || event.state >= kStates) in.fail();
  event.type = static_cast<EventType>(type);
  const std::uint64_t later = in.number();
  event.sequence = before.sequence + later;
  if (event.sequence <= before.sequence) in.fail();  // each is later than the one before
  event.done = wrapping_sum(before.done, in.integer());
  event.rate_per_second = in.real();
  event.eta_seconds = static_cast<std::int32_t>(in.integer());
  if ((says & kOtherMessage) != 0) event.message = in.text();
  if ((says & kOtherTotal) != 0) event.total = in.integer();
  if ((says & kOtherAttempt) != 0) event.attempt = static_cast<std::uint32_t>(in.number());
  return event;
}

void encode_topic(const Topic& topic, ByteWriter& out) {
  out.number(topic.dropped_through());
  out.number(topic.last_sequence());
  out.number(topic.kept());
  Event before;
  topic.replay_after(0, [&](const Event& event) {
    encode_event(event, before, out);
    before = event;
  });
}

void decode_topic(ByteReader& in, const HistoryLimits& history, Topic& topic) {
  const Sequence dropped_through = in.number();
  const Sequence last_sequence = in.number();
  Event event;
  for (std::uint64_t left = in.number(); left > 0; --left) {
    event = decode_event(event, in);
    if (!in.ok()) return;
    topic.append(event, history);
  }
  topic.restore(dropped_through, last_sequence);
}

}  // namespace

std::string encode_job(const Job& job, Sequence through) {
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(kRowVersion);
  out.number(through);
  out.number(job.created_sequence);
  out.integer(job.created_at);
  encode_spec(job.spec, out);
  out.byte(static_cast<std::uint8_t>(job.state));
  out.integer(job.done);
  out.integer(job.total);
  out.integer(job.rounds);
  out.text(job.message);
  out.text(job.result);
  out.text(job.failed_reason);
  out.integer(job.started_at);
  out.integer(job.finished_at);
  out.integer(job.over_since);
  out.integer(job.last_report_at);
  out.number(job.attempt);
  const RateEstimate::Parts rate = job.rate.parts();
  out.real(rate.per_second);
  out.integer(rate.uncounted);
  out.integer(rate.last_at);
  out.number(job.last_sequence);
  encode_topic(job.topic, out);
  return bytes;
}

std::optional<Restored<Job>> decode_job(std::string_view bytes, const HistoryLimits& history) {
  ByteReader in(bytes);
  const std::uint8_t version = in.byte();
  if (!is_row(version)) return std::nullopt;
  const Sequence through = in.number();
  const Sequence created_sequence = in.number();
  const Millis created_at = in.integer();
  auto job = std::make_unique<Job>(decode_spec(in), created_at, created_sequence);
  const std::uint8_t state = in.byte();
  if (state >= kStates) in.fail();
  job->state = static_cast<State>(state);
  job->done = in.integer();
  job->total = in.integer();
  job->rounds = in.integer();
  job->message = in.text();
  job->result = in.text();
  job->failed_reason = in.text();
  job->started_at = in.integer();
  job->finished_at = in.integer();
  job->over_since = version == kWallRowVersion ? job->finished_at : in.integer();
  job->last_report_at = in.integer();
  job->attempt = static_cast<std::uint32_t>(in.number());
  RateEstimate::Parts rate;
  rate.per_second = in.real();
  rate.uncounted = in.integer();
  rate.last_at = in.integer();
  job->rate = RateEstimate(rate);
  job->last_sequence = in.number();
  decode_topic(in, history, job->topic);
  if (!in.ok() || !in.at_end() || job->topic.last_sequence() > through) return std::nullopt;
  return Restored<Job>{std::move(job), through};
}

std::string encode_channel(const Channel& channel, Sequence through) {
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(kRowVersion);
  out.number(through);
  out.number(channel.topic.id());
  out.string(channel.user);
  out.text(channel.latest.json);
  out.string(channel.latest.status);
  out.integer(channel.posted_at);
  encode_topic(channel.topic, out);
  return bytes;
}

std::optional<Restored<Channel>> decode_channel(std::string_view bytes,
                                                const HistoryLimits& history) {
  ByteReader in(bytes);
  if (!is_row(in.byte())) return std::nullopt;
  const Sequence through = in.number();
  const Sequence created_sequence = in.number();
  auto channel = std::make_unique<Channel>(std::string(in.string()), created_sequence);
  channel->latest.json = in.text();
  channel->latest.status = in.string();
  channel->posted_at = in.integer();
  decode_topic(in, history, channel->topic);
  if (!in.ok() || !in.at_end() || channel->topic.last_sequence() > through) return std::nullopt;
  return Restored<Channel>{std::move(channel), through};
}

std::string encode_key(const KeptKey& key) {
  std::string bytes;
  ByteWriter out(bytes);
  out.byte(kRowVersion);
  out.string(key.owner);
  out.string(key.key);
  out.raw(view_of(key.entry.body));
  out.string(key.entry.job_id);
  out.number(key.entry.created_sequence);
  out.integer(key.at);
  return bytes;
}

std::optional<KeptKey> decode_key(std::string_view bytes) {
  ByteReader in(bytes);
  if (!is_row(in.byte())) return std::nullopt;
  KeptKey key;
  key.owner = in.string();
  key.key = in.string();
  const std::string_view body = in.raw(key.entry.body.size());
  std::copy(body.begin(), body.end(), key.entry.body.begin());
  key.entry.job_id = in.string();
  key.entry.created_sequence = in.number();
  key.at = in.integer();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return key;
}

}  // namespace progressd
