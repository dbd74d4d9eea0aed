// The native streams: one job, or many over one connection; fresh, or resumed after any cut.
#pragma once

#include <array>
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
  explicit StreamApi(const Parts& parts);

  void add_routes(Router& router);

 private:
  struct Opening;
  struct Selection;
  struct SnapshotKey {
    const NativeDialect* dialect = nullptr;
    Framing framing = Framing::kChunked;
    TopicId topic = 0;
    Sequence sequence = 0;
    bool partial = false;
    friend bool operator==(const SnapshotKey&, const SnapshotKey&) = default;
  };
  static constexpr std::size_t kRetries = 64;

  void follow_job(const Request& request, const Responder& responder);
  void follow_many(const Request& request, const Responder& responder);

  Result<const NativeDialect*> dialect_of(const Request& request) const;
  /// `resumes_from`: what the reader has seen, if removals since then are still known.
  Result<Selection> select(const Request& request, std::optional<Sequence> resumes_from) const;
  /// The event that the reader got last, if the stream can go on from there.
  std::optional<Sequence> place(const std::string& last_event_id) const;
  Opening open(const NativeDialect& dialect, Framing framing) const;
  void append_gap(Opening& opening, std::string_view last_event_id) const;
  void append_snapshots(Opening& opening, std::vector<const Job*> jobs);
  FrameRef snapshot(const Opening& opening, const Job& job, bool partial);
  void append_replay(Opening& opening, const std::vector<const Job*>& jobs, Sequence after);

  Parts parts_;
  NativeDialect named_;
  NativeDialect unnamed_;
  FrameEncoder encoder_;
  std::array<std::array<FrameRef, kRetries>, 2> retries_;  // `retry:` blocks, by framing
  SnapshotKey last_snapshot_key_;
  FrameRef last_snapshot_;
};

}  // namespace progressd
