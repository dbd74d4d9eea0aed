// POST /v1/reports: the input is its body. Holds: each line that is not blank is accepted or
// rejected, with its number where so many are listed; and a request of many lines does what a
// request for each line would do.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ensure.h"
#include "core/base/json_read.h"
#include "core/jobs/job_json.h"
#include "core/journal/memory.h"
#include "core/ledger.h"
#include "net/access/gate.h"
#include "net/api/report_api.h"
#include "net/http/router.h"
#include "tests/fuzz/support/fixed.h"
#include "tests/fuzz/support/request_of.h"

namespace progressd::fuzz {
namespace {

class NobodyReads final : public Sink {
 public:
  void deliver(std::span<const FrameRef>, std::span<const SubscriberId>, bool) override {}
};

/// Some external jobs, one of them over, and the API that reports on them.
class Jobs {
 public:
  Jobs() {
    for (const std::string_view id : {"a", "b", "c"}) create(std::string(id));
    commit(make_change(ChangeKind::kCancel, "c", clock_.wall_at()));
    api_.add_routes(router_);
  }

  /// The status, and what the answer says.
  Response post(std::string_view body) {
    Request request;
    request.method = Method::kPost;
    request.target = "/v1/reports";
    ENSURE(request.read_target());
    add_header(request, "Content-Type", "application/x-ndjson");
    set_body(request, body);
    AnswerTaker taker;
    router_.dispatch(request, Responder(taker, 0));
    return taker.answer();
  }

  /// Every job, but for the ids of its events: a line that was rejected uses one up.
  std::string state() const {
    std::string text;
    for (const auto& [sequence, job] : jobs_.all()) {
      text.append(job->spec.id).append(state_name(job->state));
      text.append(std::to_string(job->done)).append("/").append(std::to_string(job->total));
      for (const Text* part : {&job->message, &job->result, &job->failed_reason}) {
        text.append(part->is_null() ? "-" : "+").append(part->view());
      }
    }
    return text;
  }

 private:
  void create(std::string id) {
    Change change = make_change(ChangeKind::kCreate, id, clock_.wall_at());
    JobSpec spec;
    spec.id = std::move(id);
    spec.runner = Runner::kExternal;
    spec.owner = kAnonymous;
    change.creation = std::make_unique<Creation>(Creation{std::move(spec), std::nullopt});
    commit(std::move(change));
  }
  void commit(Change change) {
    ledger_.commit(std::move(change), [](std::span<const Outcome>) {});
  }

  FixedClock clock_;
  FixedRandom random_;
  NobodyReads sink_;
  MemoryJournal journal_{random_};
  JobTable jobs_{{}};
  ChannelTable channels_{{}};
  Hub hub_{{.events_max = 4}, sink_};
  Ledger ledger_{journal_, jobs_, channels_, hub_};
  AccessSettings access_;
  Gate gate_{access_, /*on_loopback=*/false, clock_, random_};
  Router router_{gate_};
  Loop loop_;
  ReportLimits limits_{loop_, /*per_second_max=*/0};
  ByteBudget budget_{ledger_, jobs_, /*bytes_max=*/0};
  ReportApi api_{ledger_, jobs_, budget_, clock_, limits_};
};

struct Summary {
  std::int64_t accepted = -1;
  std::int64_t rejected_count = -1;  // -1: as many as are listed
  std::vector<std::int64_t> rejected_lines;
};

Summary summary_of(const Response& response) {
  ENSURE(response.status == 200);
  Summary summary;
  JsonReader lines;
  const auto take_line = [&](JsonValue& element) -> Result<void> {
    const Result<std::string> json = element.json("rejected", response.body.size());
    ENSURE(json.has_value());
    return lines.read_copied_object(*json, [&](std::string_view key, JsonValue& value) {
      if (key == "line") {
        return value.integer(key, 1, INT64_MAX).map([&](std::int64_t number) {
          summary.rejected_lines.push_back(number);
        });
      }
      if (key == "status") {
        return value.integer(key, 400, 499).map([](std::int64_t) {});
      }
      return value.string(key, SIZE_MAX).map([](std::string_view why) { ENSURE(!why.empty()); });
    });
  };
  JsonReader reader;
  const Result<void> read = reader.read_copied_object(
      response.body, [&](std::string_view key, JsonValue& value) -> Result<void> {
        if (key == "rejected") return value.elements(key, take_line);
        std::int64_t& count = key == "accepted" ? summary.accepted : summary.rejected_count;
        return value.integer(key, 0, INT64_MAX).map([&](std::int64_t n) { count = n; });
      });
  ENSURE(read.has_value());
  return summary;
}

std::vector<std::string_view> lines_of(std::string_view body) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = std::min(body.find('\n', at), body.size());
    lines.push_back(body.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

void run(std::string_view body) {
  Jobs together;
  const Response response = together.post(body);
  if (body.empty()) {
    ENSURE(response.status == 400);
    return;
  }
  const std::vector<std::string_view> lines = lines_of(body);
  if (lines.size() > ReportApi::kLinesMax) {
    ENSURE(response.status == 413);
    return;
  }
  const Summary summary = summary_of(response);
  Jobs apart;
  Summary expected{0, -1, {}};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const Summary alone = summary_of(apart.post(lines[i]));
    expected.accepted += alone.accepted;
    for (const std::int64_t line : alone.rejected_lines) {
      ENSURE(line == 1);
      expected.rejected_lines.push_back(static_cast<std::int64_t>(i) + 1);
    }
  }
  if (expected.rejected_lines.size() > ReportApi::kRejectionsListedMax) {
    expected.rejected_count = static_cast<std::int64_t>(expected.rejected_lines.size());
    expected.rejected_lines.resize(ReportApi::kRejectionsListedMax);
  }
  ENSURE(summary.accepted == expected.accepted);
  ENSURE(summary.rejected_count == expected.rejected_count);
  ENSURE(summary.rejected_lines == expected.rejected_lines);
  ENSURE(together.state() == apart.state());
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
