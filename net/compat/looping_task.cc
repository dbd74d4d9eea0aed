#include "net/compat/looping_task.h"

#include <fmt/format.h>

#include <utility>

namespace progressd {
namespace {

constexpr std::int64_t kTotal = 100;
constexpr Millis kStepMs = 100;

}  // namespace

void LoopingTaskDialect::write(const Job& /*job*/, const Event& event, JsonWriter& out) const {
  const std::int64_t hundredths = Job::percent_hundredths(event.done, event.total);
  out.put(R"({"moved":)");
  out.integer(event.done);
  out.put(R"(,"total":)");
  out.integer(event.total);
  out.put(R"(,"percent":)");
  out.token(fmt::format("{}.{:02}", hundredths / 100, hundredths % 100));
  out.put("}");
}

bool LoopingTaskDialect::tells(const Job& /*job*/, const Event& event) const {
  // Becoming active moves nothing: the first 0 was told already.
  return event.type != EventType::kProgress || !event.state_changed || event.done > 0;
}

void LoopingTask::add_routes(Router& router) {
  router.add(
      Method::kGet, "/events", [this](Request& q, Responder r) { follow(q, r); },
      Audience::kStreams);
}

void LoopingTask::follow(const Request& request, const Responder& responder) {
  if (!accepts_stream(request, responder)) return;
  if (is_head(request, responder)) return;
  JobSpec spec = parts_.demo_jobs.spec("looping");
  spec.id = kLoopingTaskId;
  spec.total = kTotal;
  spec.step_ms = kStepMs;
  spec.last_step_more_ms = 0;
  spec.repeat = 0;
  // One that somebody cancelled is over: the next who comes starts it again.
  parts_.demo_jobs.share(request.caller, std::move(spec), /*kept_ms=*/0, responder,
                         [this, responder, seen = parts_.opener.seen(request)](Job& job) {
                           parts_.opener.open(responder, dialect_, seen, select_job(job));
                         });
}

}  // namespace progressd
