#include "core/jobs/job_json.h"

#include <array>
#include <cmath>

#include "core/base/time_text.h"
#include "core/base/utf8.h"
#include "core/stream/sse.h"

namespace progressd {
namespace {

void put_time(Millis at, JsonWriter& out) { at == 0 ? out.null() : out.token(Rfc3339(at).view()); }

/// The fields that every event of a job carries, in this order, after `id` and `kind`.
void put_moving(const Event& event, JsonWriter& out) {
  out.put(R"(,"state":)");
  out.token(state_name(static_cast<State>(event.state)));
  out.put(R"(,"done":)");
  out.integer(event.done);
  out.put(R"(,"total":)");
  out.integer(event.total);
  out.put(R"(,"percent":)");
  out.hundredths(Job::percent_hundredths(event.done, event.total));
  out.put(R"(,"message":)");
  out.string_or_null(event.message);
}

void put_estimate(const Event& event, JsonWriter& out) {
  out.put(R"(,"ratePerSecond":)");
  if (event.rate_per_second > 0) {
    // Two decimals say enough; above 2^53 hundredths none are left to say.
    const double hundredths = event.rate_per_second * 100;
    out.hundredths(hundredths < 9e15 ? std::llround(hundredths) : 900'000'000'000'000'000);
  } else {
    out.null();
  }
  out.put(R"(,"etaSeconds":)");
  event.eta_seconds < 0 ? out.null() : out.integer(event.eta_seconds);
}

}  // namespace

Event JobJson::now(const Job& job) {
  return job.event(EventType::kSnapshot, job.last_sequence, false);
}

void JobJson::write_whole(const Job& job, const Event& event, JsonWriter& out) {
  // A job's first event is its creation: what came later is not told with it.
  const bool first = event.sequence == job.created_sequence;
  const auto state = static_cast<State>(event.state);
  out.begin_object();
  out.put(R"("id":)");
  out.token(job.spec.id);
  out.put(R"(,"kind":)");
  out.string_or_null(job.spec.kind);
  out.put(R"(,"runner":)");
  out.token(runner_name(job.spec.runner));
  out.put(R"(,"owner":)");
  out.string(job.spec.owner);
  put_moving(event, out);
  out.put(R"(,"result":)");
  first || job.result.is_null() ? out.null() : out.raw(job.result.view());
  out.put(R"(,"failedReason":)");
  out.string_or_null(is_terminal(state) ? job.failed_reason : Text());
  out.put(R"(,"createdAt":)");
  put_time(job.created_at, out);
  out.put(R"(,"startedAt":)");
  put_time(first ? 0 : job.started_at, out);
  out.put(R"(,"finishedAt":)");
  put_time(is_terminal(state) ? job.finished_at : 0, out);
  out.put(R"(,"attempt":)");
  out.integer(event.attempt);
  out.put(R"(,"traceparent":)");
  out.string_or_null(job.spec.traceparent);
  put_estimate(event, out);
  put_event_id(event, out);
  out.end_object();
}

void JobJson::put_event_id(const Event& event, JsonWriter& out) {
  id_.clear();
  ids_.append(event.sequence, id_);
  out.put(R"(,"eventId":)");
  out.token(id_);
}

std::string_view JobJson::whole(const Job& job) { return whole(job, now(job)); }

std::string_view JobJson::whole(const Job& job, const Event& event) {
  out_.clear();
  write_whole(job, event, out_);
  return out_.view();
}

std::string_view JobJson::progress(const Job& job, const Event& event, bool with_id) {
  out_.clear();
  out_.put(R"({"id":)");
  out_.token(job.spec.id);
  out_.put(R"(,"kind":)");
  out_.string_or_null(job.spec.kind);
  put_moving(event, out_);
  put_estimate(event, out_);
  if (!job.spec.traceparent.is_null()) {  // the others' progress is no longer for it
    out_.put(R"(,"traceparent":)");
    out_.string_or_null(job.spec.traceparent);
  }
  if (with_id) put_event_id(event, out_);
  out_.end_object();
  return out_.view();
}

std::string_view NativeDialect::name(EventType type) const {
  static constexpr std::array<std::string_view, 6> kNames{"snapshot", "progress",  "completed",
                                                          "failed",   "cancelled", "removed"};
  return named_ ? kNames[static_cast<std::size_t>(type)] : std::string_view();
}

std::string_view NativeDialect::id(Sequence sequence, bool partial) const {
  id_.clear();
  partial ? ids_.append_partial(sequence, id_) : ids_.append(sequence, id_);
  return id_;
}

bool NativeDialect::encode(const Subject& subject, const Event& event, bool partial,
                           std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  // A partial id is not the event's own: whoever reads another stream, too, knows it by its data.
  const std::string_view json = event.type == EventType::kProgress
                                    ? json_.progress(job, event, /*with_id=*/partial)
                                    : json_.whole(job, event);
  append_sse(name(event.type), id(event.sequence, partial), json, out);
  return true;
}

void NativeDialect::encode_latest(const Subject& subject, Sequence through, bool partial,
                                  std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  append_sse(name(EventType::kSnapshot), id(through, partial), json_.whole(job), out);
}

void NativeDialect::encode_gap(std::string_view last_event_id, std::string& out) const {
  JsonWriter json;
  json.begin_object();
  json.field("lastEventId", to_utf8(last_event_id));
  json.end_object();
  append_sse(named_ ? "gap" : "", {}, json.view(), out);
}

}  // namespace progressd
