// How every stream begins, in whatever dialect:
//
//   retry ─► greeting ─► what came after Last-Event-ID          where that can be placed
//                   └──► gap notice ─► the latest value of each  where it can't, or was not sent
//
// and then what is published from here on; or 204, where the reader has seen the end.
// Thread: the loop's.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/jobs/job_table.h"
#include "core/ledger.h"
#include "net/http/request.h"
#include "net/http/responder.h"

namespace progressd {

/// Jobs that are looked up as they are needed, by their creation: there may be too many to list.
struct JobsAmong {
  const JobTable& jobs;
  std::optional<std::string> owner;               // none: anybody's
  std::function<bool(const Job&)> matches;        // all of them when empty
  std::optional<std::vector<Sequence>> listed{};  // only those created then; sorted

  bool takes(const Job& job) const;
  /// The first one that was created after `place`, which moves to it. Looks at `steps` jobs at
  /// most, and takes them off: null when that was not enough, then `steps` is 0, or at the end.
  Job* next_after(Sequence& place, std::size_t& steps) const;
  /// Calls `visit` for each, and for those of the jobs removed lately that were removed after
  /// `removed_after`, until it answers false.
  void each(Sequence removed_after, const std::function<bool(Job&)>& visit) const;
  bool none_left() const;
};

/// What a stream is about: one topic, or jobs.
struct Selection {
  Topic* topic = nullptr;          // null, too, while there is nothing to tell
  std::optional<JobsAmong> among;  // many jobs, instead
  std::optional<Query> live;       // none: it is over, and the stream ends with its opening
  std::optional<Sequence> replay_through{};  // of the topic, where it went on after an end
};

/// A stream of this job alone, which ends with it.
Selection select_job(Job& job);

/// Answers 406, and says false, when the request does not take an event stream.
bool accepts_stream(const Request& request, const Responder& responder);

/// Answers HEAD with a stream's head, and says true: it is for routes whose GET makes a job.
bool is_head(const Request& request, const Responder& responder);

/// The id that the reader got last; empty when it says nothing.
std::string_view last_event_id(const Request& request);

class Opener {
 public:
  struct Parts {
    const Ledger& ledger;
    const EventIds& ids;
    Random& random;
  };
  explicit Opener(const Parts& parts);

  /// What a reader says that it has seen: an id, and the place in the journal that it stands for.
  struct Seen {
    std::string id;                   // empty: nothing
    std::optional<Sequence> through;  // none: the id can't be placed
  };
  Seen seen(const Request& request) const;

  /// Whether all that came after what the reader has seen is still kept. For a topic, or a few
  /// listed jobs: it looks at each of them.
  static bool resumes(const Seen& seen, const Selection& selection);
  /// Answers with the stream, or 204 where the reader has seen its end. `dialect` outlives it.
  /// False when it does not begin: a limit or a ticket refused it, or only its head was asked for.
  bool open(const Responder& responder, const StreamDialect& dialect, const Seen& seen,
            Selection selection);

 private:
  struct Opening;
  struct LatestKey {
    const StreamDialect* dialect = nullptr;
    Framing framing = Framing::kChunked;
    TopicId topic = 0;
    Sequence sequence = 0;
    friend bool operator==(const LatestKey&, const LatestKey&) = default;
  };
  static constexpr std::size_t kRetries = 64;

  FrameRef latest(const Opening& opening, const Topic& topic);
  bool open_many(const Responder& responder, Opening& opening, const Seen& seen,
                 Selection selection);

  Parts parts_;
  FrameEncoder encoder_;
  std::array<std::array<FrameRef, kRetries>, 2> retries_;  // `retry:` blocks, by framing
  LatestKey last_latest_key_;
  FrameRef last_latest_;
};

}  // namespace progressd
