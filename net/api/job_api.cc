#include "net/api/job_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <utility>

#include "core/jobs/job_input.h"
#include "net/api/input.h"

namespace progressd {
namespace {

constexpr std::size_t kListDefault = 50;
constexpr std::size_t kListMax = 500;
/// A page ends with the job that takes it over this: results may be large.
constexpr std::size_t kListBytesMax = 1024 * 1024;
/// Jobs that are looked at for a page: where few match, a page is short, and the next one goes on.
constexpr std::size_t kListStepsMax = 10'000;
constexpr std::string_view kJson = "application/json";

struct ListFilters {
  std::optional<State> state;
  std::optional<std::string> kind;
  std::optional<std::string> owner;
  std::size_t limit = kListDefault;
  std::string text;  // all of them, for the cursor
};

Result<ListFilters> read_filters(const Request& request) {
  ListFilters filters;
  const auto state = filter(request, "state");
  if (!state) return tl::unexpected(state.error());
  if (*state) {
    filters.state = state_of_name(**state);
    if (!filters.state) {
      return fail(Errc::kInvalid, "state: must be pending, active, completed, failed or cancelled");
    }
  }
  const auto kind = filter(request, "kind");
  if (!kind) return tl::unexpected(kind.error());
  filters.kind = *kind;
  const auto owner = filter(request, "owner");
  if (!owner) return tl::unexpected(owner.error());
  filters.owner = *owner == "me" ? request.caller.user : *owner;
  if (const auto limit = request.query("limit")) {
    const auto [end, error] =
        std::from_chars(limit->data(), limit->data() + limit->size(), filters.limit);
    if (error != std::errc{} || end != limit->data() + limit->size() || filters.limit < 1 ||
        filters.limit > kListMax) {
      return fail(Errc::kInvalid, fmt::format("limit: must be an integer from 1 to {}", kListMax));
    }
  }
  filters.text =
      fmt::format("state={} kind={} owner={} caller={}", state->value_or(""),
                  filters.kind.value_or(""), filters.owner.value_or(""), request.caller.user);
  return filters;
}

bool matches(const Job& job, const ListFilters& filters) {
  return (!filters.state || job.state == *filters.state) &&
         (!filters.kind || (!job.spec.kind.is_null() && job.spec.kind.view() == *filters.kind)) &&
         (!filters.owner || job.spec.owner == *filters.owner);
}

Result<std::optional<IdempotencyKey>> read_idempotency_key(const Request& request) {
  const std::optional<std::string_view> key = request.header("Idempotency-Key");
  if (!key) return std::nullopt;
  if (key->empty() || key->size() > kIdempotencyKeyBytesMax) {
    return fail(Errc::kInvalid,
                fmt::format("Idempotency-Key: must be 1 to {} bytes", kIdempotencyKeyBytesMax));
  }
  return canonical_json(request.body).map([&](const std::string& body) {
    return std::optional(IdempotencyKey{std::string(*key), sha256(body)});
  });
}

}  // namespace

void JobApi::add_routes(Router& router) {
  // Each handler takes its responder by value: it is its own to keep.
  router.add(Method::kPost, "/v1/jobs", [this](Request& q, Responder r) { create(q, r); });
  router.add(Method::kGet, "/v1/jobs", [this](Request& q, Responder r) { list(q, r); });
  router.add(Method::kGet, "/v1/jobs/{}", [this](Request& q, Responder r) { get(q, r); });
  router.add(Method::kPatch, "/v1/jobs/{}", [this](Request& q, Responder r) { patch(q, r); });
  router.add(Method::kDelete, "/v1/jobs/{}", [this](Request& q, Responder r) { remove(q, r); });
  router.add(Method::kPost, "/v1/jobs/{}/cancel",
             [this](Request& q, Responder r) { cancel(q, r); });
}

Response JobApi::job_response(int status, const Job& job) {
  Response response = json_response(status, json_.whole(job));
  std::string tag = "\"";
  parts_.ids.append(job.last_sequence, tag);
  response.with("ETag", tag += '"');
  return response;
}

void JobApi::create(Request& request, const Responder& responder) {
  if (const auto body = check_body(request, kJson); !body)
    return responder.reply(problem(body.error()));
  // A retry makes nothing new: the answer to it is the first one's. All others are counted before
  // the body is read, which may take long, so what can't be made counts too. Whose key an
  // administrator gives, only the body tells.
  const std::string given_key(request.header("Idempotency-Key").value_or(""));
  const bool may_be_retry =
      !given_key.empty() &&
      (request.caller.administers || parts_.ledger.knows_key(request.caller.user, given_key));
  if (!may_be_retry && is_creation_refused(request.caller, !given_key.empty(), responder)) return;
  Result<JobSpec> spec = read_creation(reader_, request.body);
  if (!spec) return responder.reply(problem(spec.error()));
  auto key = read_idempotency_key(request);
  if (!key) return responder.reply(problem(key.error()));
  if (spec->id.empty()) spec->id = make_job_id(parts_.random);
  if (spec->owner.empty()) spec->owner = request.caller.user;
  if (refused(may_create_for(request.caller, spec->owner), responder,
              "owner: another one than oneself takes the scope jobs:admin"))
    return;
  const auto reserved = parts_.reserved_ids;
  if (!request.caller.administers &&
      std::find(reserved.begin(), reserved.end(), spec->id) != reserved.end()) {
    return responder.reply(problem(409, "id: '" + spec->id + "' is the server's own"));
  }
  spec->traceparent = traceparent_of(request);
  if (may_be_retry && !parts_.ledger.knows_key(spec->owner, given_key) &&
      is_creation_refused(request.caller, /*with_key=*/true, responder))
    return;

  Change change = make_change(ChangeKind::kCreate, spec->id, parts_.clock.now());
  change.creation = std::make_unique<Creation>(Creation{std::move(*spec), std::move(*key)});
  parts_.ledger.commit(std::move(change), [this, responder](std::span<const Outcome> outcomes) {
    const Outcome& outcome = outcomes.front();
    if (outcome.error) return responder.reply(problem(*outcome.error));
    Response response = job_response(outcome.existing ? 200 : 201, *outcome.job);
    response.with("Location", "/v1/jobs/" + outcome.job->spec.id);
    responder.reply(std::move(response));
  });
}

bool JobApi::is_creation_refused(const Caller& caller, bool with_key, const Responder& responder) {
  auto refusal = parts_.creation_limits.refuse(caller, with_key);
  if (refusal) responder.reply(std::move(*refusal));
  return refusal.has_value();
}

void JobApi::get(const Request& request, const Responder& responder) {
  const Job* job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr) return responder.reply(problem(404, no_such_job(request.path_parameters[0])));
  if (refused(may_see(request.caller, *job), responder)) return;
  Response response = job_response(200, *job);
  const std::optional<TagList> known = tag_list(request, "If-None-Match", /*weak=*/true);
  if (known && known->matches(parts_.ids.text(job->last_sequence))) {
    response.status = 304;
    response.content_type = {};
  }
  responder.reply(std::move(response));
}

void JobApi::list(const Request& request, const Responder& responder) {
  const Caller& caller = request.caller;
  Result<ListFilters> filters = read_filters(request);
  if (!filters) return responder.reply(problem(filters.error()));
  if (filters->owner && refused(may_list_owner(caller, *filters->owner), responder)) return;
  // Who sees only their own need not look through everybody's.
  if (!caller.administers && !caller.reports) filters->owner = caller.user;
  Sequence before = UINT64_MAX;
  if (const auto cursor = request.query("cursor")) {
    const Result<Sequence> place = read_cursor(*cursor, filters->text);
    if (!place) return responder.reply(problem(place.error()));
    before = *place;
  }
  static const JobTable::BySequence kNone;
  const JobTable::BySequence* jobs = &parts_.jobs.all();
  if (filters->owner) jobs = parts_.jobs.of_owner(*filters->owner);
  if (jobs == nullptr) jobs = &kNone;

  JsonWriter out;
  out.begin_object();
  out.key("jobs");
  out.begin_array();
  std::size_t listed = 0;
  std::size_t steps = 0;
  Sequence last = 0;  // that was looked at
  auto at = std::make_reverse_iterator(jobs->lower_bound(before));
  for (; at != jobs->rend() && steps < kListStepsMax; ++at, ++steps) {
    if (matches(*at->second, *filters) && may_see(caller, *at->second)) {
      if (listed == filters->limit || out.view().size() > kListBytesMax) break;
      json_.append_whole(*at->second, out);
      ++listed;
    }
    last = at->first;
  }
  const bool more = at != jobs->rend();
  out.end_array();
  out.key("next");
  more ? out.string(make_cursor(last, filters->text)) : out.null();
  out.end_object();
  responder.reply(json_response(200, out.view()));
}

void JobApi::patch(Request& request, const Responder& responder) {
  const Job* const job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr) return responder.reply(problem(404, no_such_job(request.path_parameters[0])));
  if (refused(may_report(request.caller), responder, kWantsReportScope)) return;
  job->prefetch();
  if (refused(may_report(request.caller, *job), responder)) return;
  if (auto refusal = parts_.report_limits.refuse(request.caller)) {
    return responder.reply(std::move(*refusal));
  }
  if (const auto body = check_body(request, kJson); !body)
    return responder.reply(problem(body.error()));
  // While the body is read, what the report touches is on its way to the processor's cache.
  __builtin_prefetch(job->message.view().data(), /*rw=*/1);
  job->topic.prefetch();
  Result<Report> report = read_report(reader_, request.body);
  if (!report) return responder.reply(problem(report.error()));
  if (const auto full = parts_.budget.refusal(job->spec.id, *report)) {
    return responder.reply(problem(*full));
  }
  Change change = make_change(ChangeKind::kReport, request.path_parameters[0], parts_.clock.now());
  change.report = std::move(*report);
  change.if_match = expected_events(request, parts_.ids);
  parts_.ledger.commit(std::move(change), [this, responder](std::span<const Outcome> outcomes) {
    const Outcome& outcome = outcomes.front();
    responder.reply(outcome.error ? problem(*outcome.error) : job_response(200, *outcome.job));
  });
}

bool JobApi::is_change_refused(const Request& request, const Responder& responder) {
  const Job* job = parts_.jobs.find(request.path_parameters[0]);
  if (job == nullptr) return false;  // which the change will be told
  if (refused(may_change(request.caller, *job), responder)) return true;
  // What is on its way to the journal is not seen here: the change is held to If-Match once more.
  if (preconditions_hold(request, parts_.ids.text(job->last_sequence))) return false;
  responder.reply(problem(412, "the job has changed since"));
  return true;
}

void JobApi::cancel(const Request& request, const Responder& responder) {
  if (is_change_refused(request, responder)) return;
  Change change = make_change(ChangeKind::kCancel, request.path_parameters[0], parts_.clock.now());
  change.if_match = expected_events(request, parts_.ids);
  parts_.ledger.commit(std::move(change), [this, responder](std::span<const Outcome> outcomes) {
    const Outcome& outcome = outcomes.front();
    responder.reply(outcome.error ? problem(*outcome.error) : job_response(202, *outcome.job));
  });
}

void JobApi::remove(const Request& request, const Responder& responder) {
  if (is_change_refused(request, responder)) return;
  // A live job is cancelled first; for one that is over the first change is refused.
  const Moment at = parts_.clock.now();
  std::vector<Change> changes;
  changes.push_back(make_change(ChangeKind::kCancel, request.path_parameters[0], at));
  changes.push_back(make_change(ChangeKind::kDelete, request.path_parameters[0], at));
  for (Change& change : changes) change.if_match = expected_events(request, parts_.ids);
  parts_.ledger.commit(std::move(changes), [responder](std::span<const Outcome> outcomes) {
    const Outcome& removal = outcomes.back();
    if (removal.error) return responder.reply(problem(*removal.error));
    Response response;
    response.status = 204;
    responder.reply(std::move(response));
  });
}

}  // namespace progressd
