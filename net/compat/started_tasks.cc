#include "net/compat/started_tasks.h"

#include <utility>

#include "net/api/input.h"

namespace progressd {
namespace {

std::string_view task_status(State state) {
  if (state == State::kPending) return "started";
  if (state == State::kActive) return "processing";
  return state == State::kCompleted ? "completed" : "failed";
}

}  // namespace

void StartedTaskDialect::write(const Job& job, const Event& event, JsonWriter& out) const {
  out.begin_object();
  out.field("task_id", job.spec.id);
  out.key("progress");
  out.hundredths(Job::percent_hundredths(event.done, event.total));
  out.field("status", task_status(static_cast<State>(event.state)));
  if (const Text why = failure(job, event); !why.is_null()) out.field("reason", why.view());
  out.end_object();
}

void StartedTasks::add_routes(Router& router) {
  router.add(Method::kPost, "/start-task", [this](Request& q, Responder r) { start(q, r); });
  router.add(
      Method::kGet, "/task-progress/{}", [this](Request& q, Responder r) { follow(q, r); },
      Audience::kJobStream);
}

void StartedTasks::start(const Request& request, const Responder& responder) {
  JobSpec spec = parts_.demo_jobs.spec("task");
  spec.removed_once_told = true;
  parts_.demo_jobs.create(request, std::move(spec), responder, [responder](const Job& job) {
    JsonWriter out;
    out.begin_object();
    out.field("task_id", job.spec.id);
    out.end_object();
    responder.reply(json_response(200, out.view()));
  });
}

void StartedTasks::follow(const Request& request, const Responder& responder) {
  Job* const job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr || parts_.keeper.is_going(*job)) {
    return responder.reply(problem(404, no_such_job(request.path_parameters[0])));
  }
  if (refused(may_see(request.caller, *job), responder)) return;
  if (!accepts_stream(request, responder)) return;
  const bool is_told =
      parts_.opener.open(responder, dialect_, parts_.opener.seen(request), select_job(*job));
  // Who asks for the head only was told nothing.
  if (is_told && request.method != Method::kHead && is_terminal(job->state))
    parts_.keeper.on_told(*job);
}

}  // namespace progressd
