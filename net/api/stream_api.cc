#include "net/api/stream_api.h"

#include <algorithm>
#include <utility>

#include "core/jobs/job_groups.h"
#include "net/api/input.h"
#include "net/api/job_api.h"

namespace progressd {
StreamApi::StreamApi(const Parts& parts)
    : parts_(parts), named_(parts.ids, true), unnamed_(parts.ids, false) {}

void StreamApi::add_routes(Router& router) {
  router.add(
      Method::kGet, "/v1/jobs/{}/events", [this](Request& q, Responder r) { follow_job(q, r); },
      Audience::kJobStream);
  router.add(
      Method::kGet, "/v1/events", [this](Request& q, Responder r) { follow_many(q, r); },
      Audience::kStreams, /*job_parameter=*/"job");
}

Result<const NativeDialect*> StreamApi::dialect_of(const Request& request) const {
  const auto events = request.query("events");
  if (!events) return &named_;
  if (*events != "message") return fail(Errc::kInvalid, "events: only `message` is known");
  return &unnamed_;
}

void StreamApi::follow_job(const Request& request, const Responder& responder) {
  Job* const job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr) return responder.reply(problem(404, no_such_job(request.path_parameters[0])));
  if (refused(may_see(request.caller, *job), responder)) return;
  if (!accepts_stream(request, responder)) return;
  const auto dialect = dialect_of(request);
  if (!dialect) return responder.reply(problem(dialect.error()));
  parts_.opener.open(responder, **dialect, parts_.opener.seen(request), select_job(*job));
}

Result<Selection> StreamApi::select_named(const Request& request,
                                          std::optional<Sequence> resumes_from) const {
  Selection selection;
  selection.live.emplace();
  std::vector<Sequence> listed;
  std::optional<Error> unknown;
  for (const auto& [name, id] : request.query_parameters()) {
    if (name != "job") continue;
    if (id.empty()) return fail(Errc::kInvalid, "job: must not be empty");
    Job* const job = parts_.jobs.find(id);
    bool known = job != nullptr;
    if (known && !may_see(request.caller, *job)) {
      return fail(Errc::kForbidden, "job: '" + id + "' is not yours");
    }
    if (known) listed.push_back(job->created_sequence);
    // A job that was removed is still told of to a reader that has not seen its end.
    for (const auto& removed : parts_.jobs.removed()) {
      const bool is_news = resumes_from && removed->removed_sequence > *resumes_from;
      if (!is_news || removed->spec.id != id || !may_see(request.caller, *removed)) continue;
      listed.push_back(removed->created_sequence);
      known = true;
    }
    if (!known && !unknown) unknown = Error{Errc::kNotFound, "no job has the id '" + id + "'"};
  }
  // Who resumes has followed them all: one that has gone since does not end the others' stream.
  if (unknown && (!resumes_from || listed.empty())) return tl::unexpected(*unknown);
  std::sort(listed.begin(), listed.end());
  listed.erase(std::unique(listed.begin(), listed.end()), listed.end());
  selection.among.emplace(JobsAmong{parts_.jobs, std::nullopt, nullptr, std::move(listed)});
  return selection;
}

Result<Selection> StreamApi::select(const Request& request,
                                    std::optional<Sequence> resumes_from) const {
  const auto owner = filter(request, "owner");
  const auto kind = filter(request, "kind");
  const auto all = filter(request, "all");
  if (!owner) return tl::unexpected(owner.error());
  if (!kind) return tl::unexpected(kind.error());
  if (!all) return tl::unexpected(all.error());
  if (*all && **all != "true") return fail(Errc::kInvalid, "all: can only be `true`");
  if (request.query("job")) {
    if (*owner || *kind || *all) {
      return fail(Errc::kInvalid, "job: goes with no other filter");
    }
    return select_named(request, resumes_from);
  }
  if (!*owner && !*kind && !*all) {
    return fail(Errc::kInvalid, "name jobs with job=, or owner=, kind= or all=true");
  }
  std::optional<std::string> owner_name = *owner;
  if (owner_name == "me") owner_name = request.caller.user;
  const bool may =
      owner_name ? may_list_owner(request.caller, *owner_name) : may_operate(request.caller);
  if (!may) return fail(Errc::kForbidden, "these are others' jobs as well: ask for owner=me");
  Selection selection;
  selection.among.emplace(JobsAmong{parts_.jobs, owner_name, nullptr});
  if (*kind) {
    selection.among->matches = [kind = **kind](const Job& job) {
      return !job.spec.kind.is_null() && job.spec.kind.view() == kind;
    };
  }
  Query& query = selection.live.emplace();
  if (owner_name) query.group = group_of_owner(*owner_name);
  if (*kind) (owner_name ? query.also_group : query.group) = group_of_kind(**kind);
  if (query.group.empty()) query.group = group_of_all();
  return selection;
}

void StreamApi::follow_many(const Request& request, const Responder& responder) {
  Opener::Seen seen = parts_.opener.seen(request);
  Result<Selection> selection = select(request, seen.through);
  if (!selection) return responder.reply(problem(selection.error()));
  if (!accepts_stream(request, responder)) return;
  const auto dialect = dialect_of(request);
  if (!dialect) return responder.reply(problem(dialect.error()));
  const bool are_all_removed = selection->among->listed && selection->among->none_left();
  if (are_all_removed && !Opener::resumes(seen, *selection)) {
    return responder.reply(problem(404, "the jobs were removed"));
  }
  parts_.opener.open(responder, **dialect, seen, std::move(*selection));
}

}  // namespace progressd
