// The native streams: one job, or many over one connection; fresh, or resumed after any cut.
#pragma once

#include <optional>

#include "core/jobs/job_json.h"
#include "core/jobs/job_table.h"
#include "net/api/opening.h"
#include "net/http/router.h"

namespace progressd {

class StreamApi {
 public:
  struct Parts {
    const JobTable& jobs;
    const EventIds& ids;
    Opener& opener;
  };
  explicit StreamApi(const Parts& parts);

  void add_routes(Router& router);

 private:
  void follow_job(const Request& request, const Responder& responder);
  void follow_many(const Request& request, const Responder& responder);

  Result<const NativeDialect*> dialect_of(const Request& request) const;
  /// `resumes_from`: what the reader has seen, if removals since then are still known.
  Result<Selection> select(const Request& request, std::optional<Sequence> resumes_from) const;
  Result<Selection> select_named(const Request& request,
                                 std::optional<Sequence> resumes_from) const;

  Parts parts_;
  NativeDialect named_;
  NativeDialect unnamed_;
};

}  // namespace progressd
