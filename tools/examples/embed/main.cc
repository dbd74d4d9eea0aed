// thumbnails: a program with progressd inside. It has a route of its own, which starts work on a
// thread of its own, and whoever follows that job sees how far it is:
//
//   thumbnails 127.0.0.1:8090
//   curl -X POST http://127.0.0.1:8090/thumbnails          # {"job":"thumbnails-1"}
//   curl -N http://127.0.0.1:8090/v1/jobs/thumbnails-1/events
//
//   a thread of ours ── post(Progress) ─► Inbox ─► on_progress() ─► Ledger      the loop's thread
//                    ◄──── stop_token, when somebody has cancelled the job ────
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/sim/cpu_work.h"
#include "net/access/caller.h"
#include "net/config.h"
#include "net/http/response.h"
#include "net/log.h"
#include "net/server.h"
#include "net/system.h"
#include "net/uv/inbox.h"
#include "net/uv/loop.h"
#include "net/uv/signal.h"

namespace {

using progressd::ChangeKind;

constexpr std::int64_t kPictures = 20;
constexpr std::chrono::milliseconds kPictureTime{25};  // here, a picture is but a pause
constexpr std::size_t kReportsWaitingMax = 1'000;
constexpr std::size_t kJobsMax = 100;  // each has a thread

/// What crosses from a thread to the loop: values, and nothing of the loop's.
struct Progress {
  std::string job_id;
  std::int64_t done;
  bool is_last;  // the thread ends with it
};

/// The work of this program. Thread: the loop's, but for make_pictures().
class Thumbnails {
 public:
  explicit Thumbnails(progressd::Loop& loop)
      : inbox_(std::make_shared<progressd::Inbox<Progress>>(
            loop, kReportsWaitingMax,
            [this](const std::vector<Progress>& reports) { on_progress(reports); })) {}
  /// Threads that wait for room in the inbox are told that it is closed; then they are waited for.
  ~Thumbnails() { inbox_->close(); }
  Thumbnails(const Thumbnails&) = delete;
  Thumbnails& operator=(const Thumbnails&) = delete;

  /// Before its start. The server goes first: what it still holds may call back.
  void add_to(progressd::Server& server) {
    server_ = &server;
    server.routes().add(progressd::Method::kPost, "/thumbnails",
                        [this](progressd::Request& request, progressd::Responder responder) {
                          begin(request, responder);
                        });
  }

 private:
  void begin(const progressd::Request& request, const progressd::Responder& responder) {
    if (threads_.size() >= kJobsMax) {
      return responder.reply(progressd::problem(503, "too many are being made", 1));
    }
    const std::string id = "thumbnails-" + std::to_string(++jobs_begun_);
    progressd::JobSpec spec;
    spec.id = id;
    spec.kind = progressd::Text("thumbnails");
    spec.runner = progressd::Runner::kExternal;  // it is ours to report on
    spec.owner = request.caller.user;
    spec.total = kPictures;
    progressd::Change change = progressd::make_change(ChangeKind::kCreate, id, server_->now());
    change.creation =
        std::make_unique<progressd::Creation>(progressd::Creation{std::move(spec), std::nullopt});
    // Called when the job is kept: at once, or when a journal's disk has it.
    server_->ledger().commit(std::move(change), [this, id, responder](const auto& outcomes) {
      if (const auto& error = outcomes.front().error) {
        return responder.reply(progressd::problem(*error));
      }
      threads_.emplace(id, std::jthread(make_pictures, id, inbox_));
      responder.reply(progressd::json_response(202, "{\"job\":\"" + id + "\"}"));
    });
  }

  /// On a thread of its own. It holds the inbox, and nothing else that is not its own.
  static void make_pictures(const std::stop_token& stop, const std::string& id,
                            const std::shared_ptr<progressd::Inbox<Progress>>& inbox) {
    std::int64_t done = 0;
    while (done < kPictures && !stop.stop_requested()) {
      std::this_thread::sleep_for(kPictureTime);
      ++done;
      if (!inbox->post({id, done, /*is_last=*/false})) return;  // the loop has gone
    }
    inbox->post({id, done, /*is_last=*/true});
  }

  /// All that was posted since the last turn; what it changes is committed together.
  void on_progress(const std::vector<Progress>& reports) {
    std::vector<progressd::Change> changes;
    std::vector<std::string> ids;
    for (const Progress& progress : reports) {
      if (progress.is_last) {
        threads_.erase(progress.job_id);  // joins it, which takes no time
        continue;
      }
      progressd::Report report;
      report.done = progress.done;
      if (progress.done == kPictures) report.state = progressd::State::kCompleted;
      changes.push_back(
          progressd::make_change(ChangeKind::kReport, progress.job_id, server_->now()));
      changes.back().report = std::move(report);
      ids.push_back(progress.job_id);
    }
    if (changes.empty()) return;
    server_->ledger().commit(std::move(changes), [this, ids](const auto& outcomes) {
      for (std::size_t i = 0; i < ids.size(); ++i) on_reported(ids[i], outcomes[i]);
    });
  }

  /// A job that somebody has cancelled is not worked on. (Where the server has a journal on a disk,
  /// and that is full, a report is refused with kUnavailable; then it would be made again.)
  void on_reported(const std::string& id, const progressd::Outcome& outcome) {
    if (!outcome.error) return;
    progressd::log::info("{} goes no further: {}", id, outcome.error->detail);
    if (const auto thread = threads_.find(id); thread != threads_.end()) {
      thread->second.request_stop();
    }
  }

  progressd::Server* server_ = nullptr;
  const std::shared_ptr<progressd::Inbox<Progress>> inbox_;
  std::uint64_t jobs_begun_ = 0;
  std::map<std::string, std::jthread> threads_;  // by job; gone before the rest
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: thumbnails ADDRESS:PORT\n", stderr), 2;
  std::signal(SIGPIPE, SIG_IGN);
  progressd::log::start({});

  progressd::Config config;  // what flags would set
  config.listen = {argv[1]};
  progressd::complete_config(config, progressd::raise_descriptor_limit());

  // The loop is the program's: its own handles may be on it too (Loop::get() is libuv's).
  progressd::Loop loop;
  Thumbnails thumbnails(loop);
  progressd::Server server(loop, config, progressd::calibrate_rounds_per_ms());
  thumbnails.add_to(server);
  const progressd::Signal terminate(loop, SIGTERM, [&] { server.begin_drain(); });
  const progressd::Signal interrupt(loop, SIGINT, [&] { server.begin_drain(); });
  const auto addresses = server.start();
  if (!addresses) return std::fprintf(stderr, "%s\n", addresses.error().detail.c_str()), 1;
  progressd::log::info("listening on http://{}", addresses->front());
  loop.run();
  return server.fault() ? 1 : 0;
}
