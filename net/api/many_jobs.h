// How a stream of many jobs begins. There may be a million of them, so what it begins with is made
// piece by piece, as its reader takes it (see OpeningRest), in one of two ways:
//
//   LatestRest  each job as it is, by creation. Meanwhile the reader is told, live, of the jobs
//   that
//               it knows already; the others it is told of when their turn comes. No id but the
//               last one resumes the stream.
//   ReplayRest  the events after the one that the reader saw last, in order, up to the present. A
//               reader so slow that events are dropped before it takes them is cut off: when it
//               comes back there is a gap.
//
// Thread: the loop's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/ledger.h"
#include "net/api/opening.h"

namespace progressd {

struct ManyJobs {
  const Ledger& ledger;
  const StreamDialect& dialect;
  Framing framing;
  JobsAmong among;
  Query query;  // for what comes after

  /// The query, without those of listed jobs that have gone since.
  Query query_now() const;
};

class LatestRest final : public OpeningRest {
 public:
  explicit LatestRest(const ManyJobs& many) : many_(many), meanwhile_(*this) {}

  /// What the reader reads until the opening is whole.
  StreamLive live_meanwhile() const { return {many_.query_now(), &meanwhile_, 0}; }
  bool next(std::vector<FrameRef>& frames) override;
  std::optional<StreamLive> live() override;

 private:
  /// Tells of the jobs that the reader knows, with ids that resume nothing.
  class Meanwhile final : public Dialect {
   public:
    explicit Meanwhile(const LatestRest& rest) : rest_(rest) {}
    bool encode(const Subject& subject, const Event& event, std::string& out) const override;

   private:
    const LatestRest& rest_;
  };

  void add(const Job& job, bool partial, std::vector<FrameRef>& frames);

  ManyJobs many_;
  Sequence told_ = 0;  // the creation of the last job that the reader was told of
  std::string payload_;
  Meanwhile meanwhile_;
};

class ReplayRest final : public OpeningRest {
 public:
  ReplayRest(const ManyJobs& many, Sequence after) : many_(many), seen_(after), after_(after) {}

  bool next(std::vector<FrameRef>& frames) override;
  std::optional<StreamLive> live() override;

 private:
  struct Past {
    const Topic* topic;
    const Event* event;
    bool operator<(const Past& other) const { return event->sequence < other.event->sequence; }
  };
  bool restate(std::vector<FrameRef>& frames);
  std::vector<Past> first_events();

  ManyJobs many_;
  Sequence seen_;          // by the reader, when it came
  Sequence after_;         // the last event that was replayed
  Sequence restated_ = 0;  // the creation of the last job that was restated
  bool is_restated_ = false;
  bool is_cut_off_ = false;
  FrameEncoder encoder_;
};

}  // namespace progressd
