#include "net/compat/job_status.h"

#include <algorithm>
#include <utility>

#include "net/api/input.h"
#include "net/compat/status_json.h"

namespace progressd {
namespace {

constexpr std::string_view kKind = "status";
/// So long a demo job that is over stays the answer; only then does a request start a new one.
constexpr Millis kDemoKeptMs = 5'000;

std::string_view result_of(State state) {
  if (state == State::kCompleted) return "completed";
  return is_terminal(state) ? "error" : "pending";
}

}  // namespace

Text JobStatusDialect::message(const Job& job, const Event& event) {
  const Text why = failure(job, event);
  return why.is_null() ? event.message : why;
}

std::string JobStatusDialect::status(const Job& job) {
  const Text said = message(job, now(job));
  JsonWriter out;
  out.begin_object();
  out.field("result", result_of(job.state));
  if (!said.is_null()) out.field("message", said.view());
  out.end_object();
  return std::string(out.view());
}

void JobStatusDialect::write(const Job& job, const Event& event, JsonWriter& out) const {
  const Text said = message(job, event);
  std::optional<std::string_view> told;
  if (!said.is_null()) told = said.view();
  put_status(result_of(static_cast<State>(event.state)), told, out);
}

bool JobStatusDialect::tells(const Job& /*job*/, const Event& event) const {
  // A step changes nothing that is said here.
  return event.type != EventType::kProgress || event.message_changed;
}

void JobStatus::add_routes(Router& router) {
  router.add(Method::kPost, "/create_job", [this](Request& q, Responder r) { create(q, r); });
  router.add(Method::kGet, "/status", [this](Request& q, Responder r) { status(q, r); });
  router.add(
      Method::kGet, "/client_status", [this](Request& q, Responder r) { follow(q, r); },
      Audience::kStreams, /*job_parameter=*/"job_id");
}

void JobStatus::create(const Request& request, const Responder& responder) {
  parts_.demo_jobs.create(request, parts_.demo_jobs.spec_that_may_fail(kKind), responder,
                          [responder](const Job& job) {
                            JsonWriter out;
                            out.begin_object();
                            out.field("job_id", job.spec.id);
                            out.end_object();
                            responder.reply(json_response(201, out.view()));
                          });
}

void JobStatus::with_job(const Request& request, const Responder& responder,
                         const DemoJobs::Then& then) {
  const auto id = filter(request, "job_id");
  if (!id) return responder.reply(problem(id.error()));
  if (!*id) {
    JobSpec spec = parts_.demo_jobs.spec_that_may_fail(kKind);
    spec.id = kStatusDemoId;
    if (request.method == Method::kHead && parts_.demo_jobs.would_start(spec, kDemoKeptMs)) {
      return responder.reply(json_response(200, R"({"result":"pending"})"));  // and starts nothing
    }
    return parts_.demo_jobs.share(request.caller, std::move(spec), kDemoKeptMs, responder, then);
  }
  Job* const job = parts_.jobs.find(**id);
  if (job == nullptr) return responder.reply(problem(404, no_such_job(**id)));
  if (!refused(may_see(request.caller, *job), responder)) then(*job);
}

void JobStatus::status(const Request& request, const Responder& responder) {
  with_job(request, responder, [responder](const Job& job) {
    responder.reply(json_response(200, JobStatusDialect::status(job)));
  });
}

bool JobStatus::saw_end_of_demo(const Opener::Seen& seen) const {
  if (!seen.through) return false;
  const auto ended_there = [&](const Job& job) {
    const Event* event = job.topic.kept_around(*seen.through);
    return event != nullptr && event->sequence == *seen.through && is_terminal(event->type);
  };
  const auto& removed = parts_.jobs.removed();
  const Job* const demo = parts_.jobs.find(kStatusDemoId);
  return (demo != nullptr && ended_there(*demo)) ||
         std::any_of(removed.begin(), removed.end(), [&](const auto& job) {
           return job->spec.id == kStatusDemoId && ended_there(*job);
         });
}

void JobStatus::follow(const Request& request, const Responder& responder) {
  const bool names_watch = request.query("watch").has_value();
  if (names_watch || (!parts_.watches.empty() && !request.query("job_id"))) {
    if (names_watch && request.query("job_id")) {
      return responder.reply(problem(422, "watch: goes with no job_id"));
    }
    return parts_.watches.follow(request, responder);
  }
  if (!accepts_stream(request, responder)) return;
  const Opener::Seen seen = parts_.opener.seen(request);
  if (!request.query("job_id") && saw_end_of_demo(seen)) {
    // Its reader comes back by itself: no reason to start another one for it.
    Response seen_all;
    seen_all.status = 204;
    return responder.reply(std::move(seen_all));
  }
  if (!request.query("job_id") && is_head(request, responder)) return;
  with_job(request, responder, [this, responder, seen](Job& job) {
    parts_.opener.open(responder, dialect_, seen, select_job(job));
  });
}

}  // namespace progressd
