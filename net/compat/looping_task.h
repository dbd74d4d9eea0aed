// One looping task, which everybody watches: GET /events streams
// {"moved":45,"total":100,"percent":"45.00"} every 100 ms, 0 to 100, and round again for ever.
#pragma once

#include "net/api/opening.h"
#include "net/compat/demo_jobs.h"
#include "net/compat/job_dialect.h"
#include "net/compat/seed_system.h"

namespace progressd {

class LoopingTaskDialect final : public JobDialect {
 public:
  using JobDialect::JobDialect;

 protected:
  void write(const Job& job, const Event& event, JsonWriter& out) const override;
  bool tells(const Job& job, const Event& event) const override;
};

class LoopingTask final : public SeedSystem {
 public:
  struct Parts {
    const EventIds& ids;
    Opener& opener;
    DemoJobs& demo_jobs;
  };
  explicit LoopingTask(const Parts& parts) : parts_(parts), dialect_(parts.ids) {}

  void add_routes(Router& router) override;

 private:
  void follow(const Request& request, const Responder& responder);

  Parts parts_;
  LoopingTaskDialect dialect_;
};

}  // namespace progressd
