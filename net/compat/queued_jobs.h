// Queued jobs with owners: characters and media are made, and their owner is told how that goes.
//
//   POST /api/v1/characters/queue, /api/v1/media/queue  201 {"success":true,"data":{"jobId"}}
//   GET  /api/v1/sse/jobs/character/{jobId}, …/media/{jobId}
//   GET  /api/v1/sse/jobs/my                            all of the owner's, those made later too
//
// A stream begins with {"type":"connected"} and an "initial_status" of each job, on a reconnect
// too; then come "job_update"s.
#pragma once

#include <array>

#include "core/base/json_object.h"
#include "core/jobs/job_table.h"
#include "net/api/opening.h"
#include "net/compat/demo_jobs.h"
#include "net/compat/job_dialect.h"
#include "net/compat/seed_system.h"

namespace progressd {

class QueuedJobDialect final : public JobDialect {
 public:
  /// `of_owner`: for a stream of all the owner's jobs, which stays open.
  QueuedJobDialect(const EventIds& ids, bool of_owner) : JobDialect(ids), of_owner_(of_owner) {}

  void encode_greeting(std::string_view resumed_id, std::string& out) const override;
  void encode_latest(const Subject& subject, Sequence through, bool partial,
                     std::string& out) const override;
  void encode_restatement(const Subject& subject, const Event* event,
                          std::string& out) const override;

 protected:
  void write(const Job& job, const Event& event, JsonWriter& out) const override;
  bool tells(const Job& job, const Event& event) const override;

 private:
  bool of_owner_;
};

class QueuedJobs final : public SeedSystem {
 public:
  struct Parts {
    const JobTable& jobs;
    const EventIds& ids;
    Random& random;
    Opener& opener;
    DemoJobs& demo_jobs;
  };
  explicit QueuedJobs(const Parts& parts)
      : parts_(parts), one_(parts.ids, /*of_owner=*/false), all_(parts.ids, /*of_owner=*/true) {}

  void add_routes(Router& router) override;

 private:
  struct Kind;
  static const std::array<Kind, 2> kKinds;

  void queue(const Kind& kind, const Request& request, const Responder& responder);
  // The guide's hooks split each chunk that a fetch gives them into lines: these streams stay
  // plain.
  void follow(const Kind& kind, Request& request, const Responder& responder);
  void follow_owner(Request& request, const Responder& responder);

  Parts parts_;
  QueuedJobDialect one_;
  QueuedJobDialect all_;
  JsonObjectReader reader_;
};

}  // namespace progressd
