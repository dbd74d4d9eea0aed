#include "net/api/report_api.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/json_write.h"
#include "net/api/input.h"

namespace progressd {
namespace {

/// A line that was refused.
struct Rejection {
  std::size_t line;  // from 1
  Error error;
};

struct Rejections {
  std::vector<Rejection> listed;  // the first ones, by line
  std::size_t count = 0;          // of all

  void add(std::size_t line, const Error& error) {
    if (count++ < ReportApi::kRejectionsListedMax) listed.push_back({line, error});
  }
};

std::string summary(std::size_t accepted, const Rejections& rejections) {
  JsonWriter out;
  out.put(R"({"accepted":)");
  out.unsigned_integer(accepted);
  out.put(R"(,"rejected":)");
  out.begin_array();
  for (const Rejection& rejection : rejections.listed) {
    out.begin_object();
    out.field("line", static_cast<std::int64_t>(rejection.line));
    out.field("status", std::int64_t{status_of(rejection.error.code)});
    out.field("detail", rejection.error.detail);
    out.end_object();
  }
  out.end_array();
  if (rejections.count > rejections.listed.size()) {
    out.field("rejectedCount", static_cast<std::int64_t>(rejections.count));
  }
  out.end_object();
  return std::string(out.view());
}

std::size_t line_count(std::string_view body) {
  std::size_t count = 0;
  while (!body.empty()) {  // find() looks at many bytes at once, std::count() at each
    body.remove_prefix(std::min(body.find('\n'), body.size() - 1) + 1);
    ++count;
  }
  return count;
}

/// Those that became no change and those that were refused, in the order of their lines.
Rejections all_rejections(Rejections all, const std::vector<std::uint32_t>& numbers,
                          std::span<const Outcome> outcomes) {
  Rejections refused;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (outcomes[i].error) refused.add(numbers[i], *outcomes[i].error);
  }
  all.count += refused.count;
  all.listed.insert(all.listed.end(), refused.listed.begin(), refused.listed.end());
  std::sort(all.listed.begin(), all.listed.end(),
            [](const Rejection& a, const Rejection& b) { return a.line < b.line; });
  if (all.listed.size() > ReportApi::kRejectionsListedMax) {
    all.listed.erase(all.listed.begin() + ReportApi::kRejectionsListedMax, all.listed.end());
  }
  return all;
}

/// Why the journal took none of the changes, as it takes all of a request's or none. Null when it
/// took them: the job table refuses no report with 503.
const Error* journal_refusal(std::span<const Outcome> outcomes) {
  if (outcomes.empty() || !outcomes.front().error) return nullptr;
  const Error& error = *outcomes.front().error;
  return status_of(error.code) == 503 ? &error : nullptr;
}

}  // namespace

struct ReportApi::Lines {
  std::vector<Change> changes;
  std::vector<std::uint32_t> numbers;  // of each change its line's
  Rejections rejections;               // before they became changes
};

void ReportApi::add_routes(Router& router) {
  router.add(Method::kPost, "/v1/reports", [this](Request& q, Responder r) { report(q, r); });
}

void ReportApi::report(Request& request, const Responder& responder) {
  if (refused(may_report(request.caller), responder, kWantsReportScope)) return;
  if (const auto body = check_body(request, "application/x-ndjson"); !body) {
    return responder.reply(problem(body.error()));
  }
  const std::size_t count = line_count(request.body);
  if (count > kLinesMax) {
    return responder.reply(problem(
        413, fmt::format("the body has {} lines, a request may have {}", count, kLinesMax)));
  }
  if (auto refusal = limits_.refuse(request.caller, count)) {
    return responder.reply(std::move(*refusal));
  }
  Lines lines = read_lines(request, count);
  ledger_.commit(std::move(lines.changes), [responder, numbers = std::move(lines.numbers),
                                            rejected = std::move(lines.rejections)](
                                               std::span<const Outcome> outcomes) {
    if (const Error* refusal = journal_refusal(outcomes)) {
      return responder.reply(problem(*refusal));
    }
    const Rejections rejections = all_rejections(rejected, numbers, outcomes);
    const std::size_t asked = outcomes.size() + rejected.count;
    responder.reply(json_response(200, summary(asked - rejections.count, rejections)));
  });
}

ReportApi::Lines ReportApi::read_lines(const Request& request, std::size_t count) {
  Lines lines;
  lines.changes.reserve(count);
  lines.numbers.reserve(count);
  const Moment at = clock_.now();
  // None of them is applied before all are read: what holds for one holds for all.
  const bool may_be_refused = !request.caller.administers || budget_.is_full();
  std::string_view body = request.body;
  for (std::uint32_t number = 1; !body.empty(); ++number) {
    const std::string_view text = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(text.size() + 1, body.size()));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<ReportLine> line = read_report_line(reader_, text);
    if (!line) {
      lines.rejections.add(number, line.error());
      continue;
    }
    if (may_be_refused) {
      if (const auto error = refusal(request.caller, *line)) {
        lines.rejections.add(number, *error);
        continue;
      }
    }
    Change& change =
        lines.changes.emplace_back(make_change(ChangeKind::kReport, std::move(line->job_id), at));
    change.report = std::move(line->report);
    lines.numbers.push_back(number);
  }
  return lines;
}

std::optional<Error> ReportApi::refusal(const Caller& caller, const ReportLine& line) const {
  if (!caller.administers) {
    const Job* const job = jobs_.find(line.job_id);
    // One that is not there may be on its way to the journal: the ledger is asked in turn.
    if (job != nullptr && !may_report(caller, *job)) {
      return Error{Errc::kForbidden, std::string(kNotYours)};
    }
  }
  return budget_.refusal(line.job_id, line.report);
}

}  // namespace progressd
