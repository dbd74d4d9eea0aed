#include "net/compat/queued_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/time_text.h"
#include "core/jobs/job_groups.h"
#include "net/api/input.h"
#include "net/api/job_api.h"

namespace progressd {
namespace {

constexpr std::string_view kCharacter = "character";
constexpr std::string_view kMedia = "media";

bool is_queued_kind(const Job& job) {
  return job.spec.kind.view() == kCharacter || job.spec.kind.view() == kMedia;
}

std::string_view queued_status(State state) {
  return state == State::kCancelled ? state_name(State::kFailed) : state_name(state);
}

void put_time(std::string_view name, Millis at, JsonWriter& out) {
  out.key(name);
  at == 0 ? out.null() : out.token(Rfc3339(at).view());
}

void write_status(std::string_view type, const Job& job, const Event& event, const Text& failure,
                  JsonWriter& out) {
  const auto state = static_cast<State>(event.state);
  out.begin_object();
  out.field("type", type);
  out.field("jobId", job.spec.id);
  out.field("status", queued_status(state));
  out.key("progress");
  out.hundredths(Job::percent_hundredths(event.done, event.total));
  if (state == State::kCompleted && !job.result.is_null()) {
    out.key("result");
    out.raw(job.result.view());
  }
  if (!failure.is_null()) out.field("failedReason", failure.view());
  put_time("createdAt", job.created_at, out);
  put_time("startedAt", state == State::kPending ? 0 : job.started_at, out);
  put_time("completedAt", is_terminal(state) ? job.finished_at : 0, out);
  out.end_object();
}

}  // namespace

struct QueuedJobs::Kind {
  std::string_view name;
  std::string_view queue_path;
  std::string_view follow_path;
  std::string_view result_key;  // of what comes of the job: an id
};

const std::array<QueuedJobs::Kind, 2> QueuedJobs::kKinds{{
    {kCharacter, "/api/v1/characters/queue", "/api/v1/sse/jobs/character/{}", "characterId"},
    {kMedia, "/api/v1/media/queue", "/api/v1/sse/jobs/media/{}", "mediaId"},
}};

bool QueuedJobDialect::tells(const Job& job, const Event& /*event*/) const {
  return !of_owner_ || is_queued_kind(job);  // an owner has others, too
}

void QueuedJobDialect::write(const Job& job, const Event& event, JsonWriter& out) const {
  write_status("job_update", job, event, failure(job, event), out);
}

void QueuedJobDialect::encode_greeting(std::string_view resumed_id, std::string& out) const {
  append_sse({}, resumed_id,
             of_owner_ ? R"({"type":"connected","message":"Connected to your jobs"})"
                       : R"({"type":"connected","message":"Connected to the job"})",
             out);
}

void QueuedJobDialect::encode_latest(const Subject& subject, Sequence through, bool partial,
                                     std::string& out) const {
  const Job& job = static_cast<const Job&>(subject);
  Event event = now(job);
  event.sequence = through;
  // Clients finish on a job_update only, so one that is over gets that as well.
  const bool update_follows = !of_owner_ && is_terminal(job.state);
  JsonWriter json;
  write_status("initial_status", job, event, failure(job, event), json);
  append_sse({}, id_of(event, partial || update_follows), json.view(), out);
  if (update_follows) JobDialect::encode_latest(subject, through, partial, out);
}

void QueuedJobDialect::encode_restatement(const Subject& subject, const Event* event,
                                          std::string& out) const {
  // Without an id of its own: the stream goes on from the one that it resumes.
  const Job& job = static_cast<const Job&>(subject);
  const Event then = event == nullptr ? now(job) : *event;
  JsonWriter json;
  write_status("initial_status", job, then, failure(job, then), json);
  append_sse({}, {}, json.view(), out);
}

void QueuedJobs::add_routes(Router& router) {
  for (const Kind& kind : kKinds) {
    router.add(Method::kPost, kind.queue_path,
               [this, &kind](Request& q, Responder r) { queue(kind, q, r); });
    router.add(
        Method::kGet, kind.follow_path,
        [this, &kind](Request& q, Responder r) { follow(kind, q, r); }, Audience::kJobStream);
  }
  router.add(
      Method::kGet, "/api/v1/sse/jobs/my", [this](Request& q, Responder r) { follow_owner(q, r); },
      Audience::kStreams);
}

void QueuedJobs::queue(const Kind& kind, const Request& request, const Responder& responder) {
  if (const auto body = check_body(request, "application/json"); !body) {
    return responder.reply(problem(body.error()));
  }
  if (parts_.demo_jobs.is_creation_refused(request.caller, responder)) return;
  const Result<JsonObject> object = reader_.read(request.body, "", request.body.size());
  if (!object) return responder.reply(problem(object.error()));
  JobSpec spec = parts_.demo_jobs.spec(kind.name);
  spec.result = Text(fmt::format(R"({{"{}":"{}"}})", kind.result_key, make_job_id(parts_.random)));
  parts_.demo_jobs.create_counted(request, std::move(spec), responder, [responder](const Job& job) {
    JsonWriter out;
    out.begin_object();
    out.key("success");
    out.boolean(true);
    out.key("data");
    out.begin_object();
    out.field("jobId", job.spec.id);
    out.end_object();
    out.end_object();
    responder.reply(json_response(201, out.view()));
  });
}

void QueuedJobs::follow(const Kind& kind, Request& request, const Responder& responder) {
  request.may_compress = false;
  const std::string& id = request.path_parameters[0];
  Job* const job = parts_.jobs.find(id);
  if (job == nullptr || job->spec.kind.view() != kind.name) {
    return responder.reply(problem(404, fmt::format("no {} job has the id '{}'", kind.name, id)));
  }
  if (refused(may_see(request.caller, *job), responder)) return;
  if (!accepts_stream(request, responder)) return;
  parts_.opener.open(responder, one_, parts_.opener.seen(request), select_job(*job));
}

void QueuedJobs::follow_owner(Request& request, const Responder& responder) {
  request.may_compress = false;
  if (!accepts_stream(request, responder)) return;
  const std::string& owner = request.caller.user;
  const Opener::Seen seen = parts_.opener.seen(request);
  Selection selection;
  selection.among.emplace(JobsAmong{parts_.jobs, owner, is_queued_kind});
  selection.live.emplace().group = group_of_owner(owner);
  parts_.opener.open(responder, all_, seen, std::move(selection));
}

}  // namespace progressd
