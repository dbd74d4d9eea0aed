// The job status application: create a job, ask for its status, or be told of each change of it.
//
//   POST /create_job               201 {"job_id"}
//   GET  /status[?job_id=]         {"result":"pending"|"completed"|"error","message"?}
//   GET  /client_status[?job_id=]  the same as a stream, which ends with the job
//
// Without a job_id it is the demo job, which everybody shares. Where status URLs of others are
// watched, /client_status streams those: ?watch=NAME, or without anything the only one.
#pragma once

#include <functional>

#include "net/api/opening.h"
#include "net/compat/demo_jobs.h"
#include "net/compat/job_dialect.h"
#include "net/compat/seed_system.h"
#include "net/watch/watches.h"

namespace progressd {

class JobStatusDialect final : public JobDialect {
 public:
  using JobDialect::JobDialect;

  /// The answer to GET /status.
  static std::string status(const Job& job);

 protected:
  void write(const Job& job, const Event& event, JsonWriter& out) const override;
  bool tells(const Job& job, const Event& event) const override;

 private:
  static Text message(const Job& job, const Event& event);
};

class JobStatus final : public SeedSystem {
 public:
  struct Parts {
    const JobTable& jobs;
    const EventIds& ids;
    Opener& opener;
    DemoJobs& demo_jobs;
    Watches& watches;
  };
  explicit JobStatus(const Parts& parts) : parts_(parts), dialect_(parts.ids) {}

  void add_routes(Router& router) override;

 private:
  void create(const Request& request, const Responder& responder);
  void status(const Request& request, const Responder& responder);
  void follow(const Request& request, const Responder& responder);
  /// Goes on with the job that the request names, or with the demo job.
  void with_job(const Request& request, const Responder& responder, const DemoJobs::Then& then);
  bool saw_end_of_demo(const Opener::Seen& seen) const;

  Parts parts_;
  JobStatusDialect dialect_;
};

}  // namespace progressd
