// How every stream begins, in whatever dialect:
//
//   retry ─► greeting ─► what came after Last-Event-ID          where that can be placed
//                   └──► gap notice ─► the latest value of each  where it can't, or was not sent
//
// and then what is published from here on; or 204, where the reader has seen the end.
// Thread: the loop's.
#pragma once

#include <algorithm>
#include <array>
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

/// What a stream is about.
struct Selection {
  std::vector<Topic*> topics;
  std::vector<Topic*> removed;  // those of jobs removed lately; for a reader that resumes
  std::optional<Query> live;    // none: it is over, and the stream ends with its opening
};

/// A stream of this job alone, which ends with it.
Selection select_job(Job& job);

/// The owner's jobs that match (anybody's where there is none), and of those removed lately the
/// ones whose end a reader that `resumes_from` there has not seen.
template <class Matches>
Selection select_jobs(const JobTable& jobs, const std::optional<std::string>& owner,
                      std::optional<Sequence> resumes_from, const Matches& matches) {
  Selection selection;
  const JobTable::BySequence* among = owner ? jobs.of_owner(*owner) : &jobs.all();
  if (among != nullptr) {
    for (const auto& [sequence, job] : *among) {
      if (matches(*job)) selection.topics.push_back(&job->topic);
    }
  }
  for (const auto& job : jobs.removed()) {
    const bool is_news = resumes_from && job->removed_sequence > *resumes_from;
    if (is_news && (!owner || job->spec.owner == *owner) && matches(*job)) {
      selection.removed.push_back(&job->topic);
    }
  }
  return selection;
}

/// Answers 406, and says false, when the request does not take an event stream.
bool accepts_stream(const Request& request, const Responder& responder);

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

  /// Whether all that came after what the reader has seen is still kept.
  static bool resumes(const Seen& seen, const Selection& selection);
  /// Answers with the stream. `dialect` outlives it.
  void open(const Responder& responder, const StreamDialect& dialect, const Seen& seen,
            Selection selection);

 private:
  struct Opening;
  struct LatestKey {
    const StreamDialect* dialect = nullptr;
    Framing framing = Framing::kChunked;
    TopicId topic = 0;
    Sequence sequence = 0;
    bool partial = false;
    friend bool operator==(const LatestKey&, const LatestKey&) = default;
  };
  static constexpr std::size_t kRetries = 64;

  void append_latest(Opening& opening, std::vector<Topic*> topics);
  FrameRef latest(const Opening& opening, const Topic& topic, bool partial);
  void append_replay(Opening& opening, const Selection& selection, Sequence after);

  Parts parts_;
  FrameEncoder encoder_;
  std::array<std::array<FrameRef, kRetries>, 2> retries_;  // `retry:` blocks, by framing
  LatestKey last_latest_key_;
  FrameRef last_latest_;
};

}  // namespace progressd
