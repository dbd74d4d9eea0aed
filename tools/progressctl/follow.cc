#include "tools/progressctl/follow.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "core/base/json_write.h"
#include "tools/progressctl/board.h"
#include "tools/progressctl/event_stream.h"
#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/live_lines.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {
namespace {

/// The shortest time between two drawings: what changes faster nobody sees.
constexpr Millis kDrawMsMin = 66;

class Follower {
 public:
  Follower(const Settings& settings, const FollowPlan& plan, EventStream& stream)
      : stream_(stream), board_(plan.wanted), is_colored_(draws_colors(settings)) {
    if (draws(settings)) screen_.emplace();
  }

  Result<void> take_events() {
    while (const std::optional<StreamEvent> event = stream_.take()) {
      if (const Result<void> applied = board_.apply(*event); !applied) {
        return fail(Errc::kUnavailable, "the server sent an event that is none of progressd's: " +
                                            applied.error().detail);
      }
      if (!screen_) write(*event);
      is_changed_ = true;
    }
    if (!screen_) std::fflush(stdout);
    return {};
  }

  void tell_trouble() {
    if (stream_.trouble() == told_trouble_) return;
    told_trouble_ = stream_.trouble();
    is_changed_ = true;
    if (!screen_ && !told_trouble_.empty()) {
      fmt::print(stderr, "progressctl: reconnecting: {}\n", printable(told_trouble_));
    }
  }

  void note_change() { is_changed_ = true; }

  void draw(bool at_once) {
    if (!screen_ || !is_changed_ || (!at_once && draw_in_ms() > 0)) return;
    const TerminalSize size = terminal_size();
    const LineStyle style{.columns = size.columns - 1, .colored = is_colored_};
    const std::size_t below = told_trouble_.empty() ? 1 : 2;  // the cursor's row, and the trouble's
    std::vector<Line> lines = board_.lines(style, size.rows - std::min(size.rows - 1, below));
    if (!told_trouble_.empty()) {
      const std::string text = cut("reconnecting: " + printable(told_trouble_), style.columns);
      lines.push_back({text, columns_of(text)});
    }
    screen_->draw(std::move(lines));
    is_changed_ = false;
    drawn_at_ = now_ms();
  }

  /// How long a wait may last.
  Millis due_in_ms() const {
    const Millis stream_ms = stream_.due_in_ms();
    return screen_ && is_changed_ ? std::min(stream_ms, draw_in_ms()) : stream_ms;
  }

  /// The terminal has written ^C where its cursor stood; what comes next stands below it.
  void leave() {
    if (screen_) fmt::print("\n");
  }

  const Board& board() const { return board_; }

 private:
  Millis draw_in_ms() const { return std::max(drawn_at_ + kDrawMsMin - now_ms(), Millis{0}); }

  void write(const StreamEvent& event) {
    // Read above, so it is JSON; on one line it is a line of ours, whatever white space it had.
    const Result<std::string> data = minified_json(event.data);
    json_.clear();
    json_.begin_object();
    json_.field("event", event.name);
    json_.key("id");
    event.id.empty() ? json_.null() : json_.string(event.id);
    json_.key("data");
    data ? json_.raw(*data) : json_.null();
    json_.end_object();
    fmt::print("{}\n", json_.view());
  }

  EventStream& stream_;
  Board board_;
  const bool is_colored_;
  std::optional<LiveLines> screen_;
  std::string told_trouble_;
  bool is_changed_ = true;
  Millis drawn_at_ = -kDrawMsMin;
  JsonWriter json_;
};

}  // namespace

Result<int> follow(Transfers& transfers, const Settings& settings, Signals& signals,
                   const FollowPlan& plan) {
  EventStream stream(transfers, settings, plan.target);
  Follower follower(settings, plan, stream);
  while (true) {
    std::array watched{Watched{signals.fd()}};
    transfers.wait(follower.due_in_ms(), watched);
    // Before the stream, which may be told things while on_interrupt() waits for an answer.
    while (const std::optional<int> signal = signals.take()) {
      follower.note_change();  // the terminal's size, say
      if (asks_to_end(*signal) && !plan.on_interrupt()) {
        follower.leave();
        return kExitSignal + *signal;
      }
    }
    stream.advance();
    if (const Result<void> taken = follower.take_events(); !taken) {
      return tl::unexpected(taken.error());
    }
    const bool is_over = follower.board().is_over() || stream.state() == EventStream::State::kEnded;
    const bool is_refused = stream.state() == EventStream::State::kRefused;
    if (!is_over && !is_refused) follower.tell_trouble();
    follower.draw(is_over);
    if (is_over) return follower.board().exit_status();
    if (is_refused) {
      return fail(Errc::kUnavailable, stream.trouble());
    }
  }
}

}  // namespace progressd::ctl
