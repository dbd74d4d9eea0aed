// Job table, ledger, hub, stream writer and its outboxes, put together as the server does, with
// readers over sockets in memory; and beside it the model that says what must come of it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/journal/memory.h"
#include "core/ledger.h"
#include "net/access/gate.h"
#include "net/api/opening.h"
#include "net/api/stream_api.h"
#include "net/compat/progress_channels.h"
#include "net/http/router.h"
#include "net/http/stream_writer.h"
#include "tests/core/jobs/job_model.h"
#include "tests/fuzz/support/channel_follower.h"
#include "tests/fuzz/support/fixed.h"
#include "tests/fuzz/support/follower.h"
#include "tests/fuzz/support/memory_sockets.h"

namespace progressd::fuzz {

/// Small bounds, so that a few commands reach them.
struct WorldLimits {
  HistoryLimits history{.events_max = 3, .bytes_max = 64 * 1024};
  std::size_t outbox_bytes_max = 2'048;
  JobTableLimits jobs{.jobs_max = 6, .idempotency_keys_max = 4, .removed_max = 2};
  ChannelLimits channels{.channels_max = 2};
};

class ModelWorld final : public ResponseCarrier {
 public:
  /// Those of jobs, and one of a channel.
  static constexpr std::size_t kReaders = 9;

  explicit ModelWorld(const WorldLimits& limits);
  ~ModelWorld() override;

  /// Through the ledger; ENSUREs that the model says the same.
  void commit(Change change);
  /// The same for a post to a channel, its clearing, or that it is forgotten.
  void commit_to_channel(Change change);
  /// The reader opens its stream, with its last id if `resumes`; nothing when it has one.
  void connect(std::size_t reader, bool resumes);
  void disconnect(std::size_t reader);
  /// So many bytes are taken from the server; then the reader's socket is full.
  void set_room(std::size_t reader, std::size_t bytes);
  void read(std::size_t reader, std::size_t bytes_max);
  /// The end of a loop's turn.
  void end_turn();
  void pass_ticks(Tick ticks);
  /// Everybody reads all there is, and knows what the model says.
  void settle();

  Millis now() const { return clock_.wall_at(); }
  FixedClock& clock() { return clock_; }

  /// What is compressed is compressed as the stream begins.
  Framing framing(ConnectionId) const override {
    return is_compressed(connecting_->framing) ? Framing::kUntilClose : connecting_->framing;
  }
  void reply(ConnectionId id, Response response) override;
  bool stream(ConnectionId id, StreamStart start) override;

 private:
  struct Reader {
    Subscription subscription;
    Framing framing = Framing::kChunked;
    std::unique_ptr<StreamReader> stream;  // while connected
    Follower* follower = nullptr;          // the same, where it is about jobs
    std::string last_id;
    Follower::KnownJobs known;
    Sequence began_at = 0;  // its latest stream: of the latest change by then
    // Jobs that it follows, by their creation, and need not know: see note_untold().
    std::set<Sequence> untold;
    int fd = -1;
    ConnectionId id = 0;
    bool over = false;  // it was told that nothing comes any more
  };

  void log(const Outcome& outcome, const Change& change);
  void begin_reading(Reader& reader);
  /// What the reader follows if it connects now.
  Subscription subscription_now(const Reader& reader) const;
  /// A stream of named jobs follows those that have these names when it begins. One that took over
  /// the name of a removed one while an earlier stream went on was made before the id that the
  /// reader comes back with, and none of its streams told of it: what comes is what happens to it
  /// after that id.
  void note_untold(Reader& reader) const;
  void check_bounds();
  void check_known(const Reader& reader) const;
  /// What the server ended or closed.
  void notice_end(Reader& reader);
  void leave(Reader& reader, bool complete);
  std::size_t unread(const Reader& reader);

  const WorldLimits limits_;
  FixedClock clock_;
  FixedRandom random_;
  MemorySockets sockets_;
  MemoryJournal journal_{random_};
  EventIds ids_{journal_.epoch()};
  JobTable jobs_{limits_.jobs};
  ChannelTable channels_{limits_.channels};
  StreamSettings settings_;
  ConnectionTable connections_;
  Deadlines deadlines_{connections_, 1};
  StreamLimits stream_limits_{0, 0};
  StreamWriter streams_;
  Hub hub_;
  Ledger ledger_{journal_, jobs_, channels_, hub_};
  AccessSettings access_;
  Gate gate_{access_, /*on_loopback=*/false, clock_, random_};
  Router router_{gate_};
  Opener opener_{{ledger_, ids_, random_}};
  StreamApi stream_api_{{jobs_, ids_, opener_}};
  Loop loop_;
  ReportLimits report_limits_{loop_, /*per_second_max=*/0};
  ByteBudget budget_{ledger_, jobs_, /*bytes_max=*/0};
  ProgressChannels channel_api_{
      {ledger_, channels_, hub_, ids_, clock_, opener_, report_limits_, budget_}};

  testing::Model model_;
  Log log_;
  ChannelLog channel_log_;      // of the channel that a reader follows
  std::string channel_status_;  // the latest one posted to it
  std::array<Reader, kReaders> readers_;
  Reader* connecting_ = nullptr;
};

}  // namespace progressd::fuzz
