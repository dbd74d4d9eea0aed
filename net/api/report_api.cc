#include "net/api/report_api.h"

#include <memory>
#include <utility>
#include <vector>

#include "core/base/json_write.h"
#include "core/jobs/job_input.h"
#include "net/api/input.h"

namespace progressd {
namespace {

struct Line {
  std::size_t number;          // from 1
  std::optional<Error> error;  // why it could not be read; else its outcome is awaited
};

std::string summary(const std::vector<Line>& lines, std::span<const Outcome> outcomes) {
  JsonWriter out;
  out.begin_object();
  out.key("rejected");
  out.begin_array();
  std::int64_t accepted = 0;
  std::size_t next_outcome = 0;
  for (const Line& line : lines) {
    const std::optional<Error>& error = line.error ? line.error : outcomes[next_outcome++].error;
    if (!error) {
      ++accepted;
      continue;
    }
    out.begin_object();
    out.field("line", static_cast<std::int64_t>(line.number));
    out.field("status", std::int64_t{status_of(error->code)});
    out.field("detail", error->detail);
    out.end_object();
  }
  out.end_array();
  out.field("accepted", accepted);
  out.end_object();
  return std::string(out.view());
}

}  // namespace

void ReportApi::add_routes(Router& router) {
  router.add(Method::kPost, "/v1/reports", [this](Request& q, Responder r) { report(q, r); });
}

void ReportApi::report(Request& request, const Responder& responder) {
  if (const auto body = check_body(request, "application/x-ndjson"); !body) {
    return responder.reply(problem(body.error()));
  }
  const Millis at = clock_.wall_at();
  std::vector<Line> lines;
  std::vector<Change> changes;
  std::string_view rest = request.body;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::string_view text = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(text.size() + 1, rest.size()));
    if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    Result<ReportLine> line = read_report_line(reader_, text);
    if (!line) {
      lines.push_back({number, line.error()});
      continue;
    }
    lines.push_back({number, std::nullopt});
    Change& change =
        changes.emplace_back(make_change(ChangeKind::kReport, std::move(line->job_id), at));
    change.report = std::make_unique<Report>(std::move(line->report));
  }
  ledger_.commit(std::move(changes),
                 [responder, lines = std::move(lines)](std::span<const Outcome> outcomes) {
                   responder.reply(json_response(200, summary(lines, outcomes)));
                 });
}

}  // namespace progressd
