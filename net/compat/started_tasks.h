// Start a task, follow it to its end, and it is gone.
//
//   POST /start-task               200 {"task_id"}; the task starts at once
//   GET  /task-progress/{task_id}  {"task_id","progress","status"}, a stream that ends at 100
//
// A task that is over is kept until a follower was told so (net/run/task_keeper.h).
#pragma once

#include "core/jobs/job_table.h"
#include "net/api/opening.h"
#include "net/compat/demo_jobs.h"
#include "net/compat/job_dialect.h"
#include "net/compat/seed_system.h"
#include "net/run/task_keeper.h"

namespace progressd {

class StartedTaskDialect final : public JobDialect {
 public:
  using JobDialect::JobDialect;

 protected:
  void write(const Job& job, const Event& event, JsonWriter& out) const override;
};

class StartedTasks final : public SeedSystem {
 public:
  struct Parts {
    const JobTable& jobs;
    const EventIds& ids;
    Opener& opener;
    DemoJobs& demo_jobs;
    TaskKeeper& keeper;
  };
  explicit StartedTasks(const Parts& parts) : parts_(parts), dialect_(parts.ids) {}

  void add_routes(Router& router) override;

 private:
  void start(const Request& request, const Responder& responder);
  void follow(const Request& request, const Responder& responder);

  Parts parts_;
  StartedTaskDialect dialect_;
};

}  // namespace progressd
