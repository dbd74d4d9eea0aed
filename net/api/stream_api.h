// The native streams: one job, or many over one connection; fresh, or resumed after any cut.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/jobs/job_json.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/http/router.h"

namespace progressd {

class StreamApi {
 public:
  struct Parts {
    const Ledger& ledger;
    const JobTable& jobs;
    const EventIds& ids;
    Random& random;
  };
  explicit StreamApi(const Parts& parts)
      : parts_(parts), named_(parts.ids, true), unnamed_(parts.ids, false) {}

  void add_routes(Router& router);

 private:
  struct Opening;
  struct Selection;

  void follow_job(const Request& request, const Responder& responder);
  void follow_many(const Request& request, const Responder& responder);

  Result<const NativeDialect*> dialect_of(const Request& request) const;
  Result<Selection> select(const Request& request, bool resumes) const;
  /// The event that the reader got last, if the stream can go on from there.
  std::optional<Sequence> place(const std::string& last_event_id) const;
  void append_snapshots(Opening& opening, std::vector<const Job*> jobs) const;
  void append_replay(Opening& opening, const std::vector<const Job*>& jobs, Sequence after);

  Parts parts_;
  NativeDialect named_;
  NativeDialect unnamed_;
  FrameEncoder encoder_;
};

}  // namespace progressd
