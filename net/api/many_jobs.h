// How a stream of many jobs begins. There may be a million of them, so what it begins with is made
// piece by piece, as its reader takes it (see OpeningRest), in one of two ways:
//
//   LatestRest   each job as it is, by creation. Meanwhile the reader is told, live, of the jobs
//   that
//                it knows already; the others it is told of when their turn comes. No id but the
//                last one resumes the stream.
//
//   ReplayRest   the events after the one that the reader saw last, in order, up to the present. It
//                looks at each job once, whether all is kept and what comes first of it:
//
//                  looking ─► restating ─► replaying      all is kept
//                        └──► gap ─► LatestRest           something is not
//
//                A reader so slow that events are dropped before it takes them is cut off: when it
//                comes back there is a gap.
//
// A piece looks at so many jobs and no more (kOpeningStepsMax): then it is the others' turn.
//
// Thread: the loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "core/ledger.h"
#include "net/api/opening.h"

namespace progressd {

/// Jobs, or events, that are looked at for a piece.
inline constexpr std::size_t kOpeningStepsMax = 10'000;

struct ManyJobs {
  const Ledger& ledger;
  const StreamDialect& dialect;
  Framing framing;
  JobsAmong among;
  Query query;  // for what comes after

  /// The query, without those of listed jobs that have gone since; none when all of them have.
  std::optional<Query> query_now() const;
  /// What the reader reads from now on, in this dialect.
  std::optional<StreamLive> live_now(const Dialect& with, Sequence seen_through) const;
};

class LatestRest final : public OpeningRest {
 public:
  /// `seen_id`: what the reader has seen, which can't be resumed; empty: nothing.
  LatestRest(const ManyJobs& many, std::string seen_id)
      : many_(many), seen_id_(std::move(seen_id)), meanwhile_(*this) {}

  /// What the reader reads until the opening is whole.
  std::optional<StreamLive> live_meanwhile() const { return many_.live_now(meanwhile_, 0); }
  bool next(std::vector<FrameRef>& frames) override;
  std::optional<StreamLive> live() override;
  /// Tells of the jobs that the reader knows, with ids that resume nothing; and of a listed one
  /// that goes before its turn, which it asked for by name.
  bool encode_meanwhile(const Job& job, const Event& event, std::string& out) const;

 private:
  class Meanwhile final : public Dialect {
   public:
    explicit Meanwhile(const LatestRest& rest) : rest_(rest) {}
    bool encode(const Subject& subject, const Event& event, std::string& out) const override {
      return rest_.encode_meanwhile(static_cast<const Job&>(subject), event, out);
    }

   private:
    const LatestRest& rest_;
  };

  void begin(std::vector<FrameRef>& frames);
  void add(const Job& job, bool partial, std::vector<FrameRef>& frames);

  ManyJobs many_;
  std::string seen_id_;
  bool has_begun_ = false;
  Sequence told_ = 0;  // the creation of the last job that the reader was told of
  std::string payload_;
  Meanwhile meanwhile_;
};

class ReplayRest final : public OpeningRest {
 public:
  /// `seen_id`: the reader's, which stands for `seen`.
  ReplayRest(const ManyJobs& many, std::string seen_id, Sequence seen)
      : many_(many), seen_id_(std::move(seen_id)), seen_(seen), after_(seen), meanwhile_(*this) {}

  /// Tells nothing while it looks and replays: it takes note of what is to be replayed.
  std::optional<StreamLive> live_meanwhile() const { return many_.live_now(meanwhile_, seen_); }
  bool next(std::vector<FrameRef>& frames) override;
  std::optional<StreamLive> live() override;

 private:
  enum class Stage : std::uint8_t { kLooking, kRestating, kReplaying, kCutOff };
  /// The first event of a job that was not replayed yet. While the job has gone no further than
  /// JobTable::removed(), which is checked before any is looked at, it is there.
  struct Next {
    Sequence sequence;
    const Job* job;
    bool operator>(const Next& other) const { return sequence > other.sequence; }
  };
  class Meanwhile final : public Dialect {
   public:
    explicit Meanwhile(ReplayRest& rest) : rest_(rest) {}
    bool encode(const Subject& subject, const Event& event, std::string& out) const override;

   private:
    ReplayRest& rest_;
  };

  /// False when not all that came after what the reader has seen is kept.
  bool look();
  /// Each answers whether it is through.
  bool restate(std::vector<FrameRef>& frames);
  bool replay(std::vector<FrameRef>& frames);
  /// Queues the first event of the job after `after_`; false when not all after that are kept.
  bool queue_next(const Job& job);
  void note(const Job& job, const Event& event);

  ManyJobs many_;
  std::string seen_id_;
  Sequence seen_;   // by the reader, when it came
  Sequence after_;  // the last event that was replayed
  Stage stage_ = Stage::kLooking;
  Sequence place_ = 0;  // the creation of the last job that was looked at, or restated
  std::priority_queue<Next, std::vector<Next>, std::greater<>> queue_;  // the earliest on top
  std::optional<LatestRest> anew_;                                      // instead of a replay
  FrameEncoder encoder_;
  Meanwhile meanwhile_;
};

}  // namespace progressd
