// The native API of jobs: create, read, list, report on, cancel, delete.
#pragma once

#include <span>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/json_read.h"
#include "core/byte_budget.h"
#include "core/jobs/job_json.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/access/caller.h"
#include "net/access/creation_limits.h"
#include "net/access/report_limits.h"
#include "net/http/router.h"

namespace progressd {

class JobApi {
 public:
  struct Parts {
    Ledger& ledger;
    JobTable& jobs;
    const EventIds& ids;
    const Clock& clock;
    Random& random;
    CreationLimits& creation_limits;
    const ByteBudget& budget;
    ReportLimits& report_limits;
    std::span<const std::string_view> reserved_ids;  // that only administrators may give a job
  };
  explicit JobApi(const Parts& parts) : parts_(parts), json_(parts.ids) {}

  void add_routes(Router& router);

 private:
  void create(Request& request, const Responder& responder);
  void get(const Request& request, const Responder& responder);
  void list(const Request& request, const Responder& responder);
  void patch(Request& request, const Responder& responder);
  void cancel(const Request& request, const Responder& responder);
  void remove(const Request& request, const Responder& responder);

  /// Answers, and says true, when the caller may not make a job now; else it counts.
  bool is_creation_refused(const Caller& caller, bool with_key, const Responder& responder);
  /// Answers, and says true, when the caller may not change the job, or not as it is now.
  bool is_change_refused(const Request& request, const Responder& responder);
  Response job_response(int status, const Job& job);

  Parts parts_;
  JobJson json_;
  JsonReader reader_;
};

}  // namespace progressd
