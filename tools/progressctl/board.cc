#include "tools/progressctl/board.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/progressctl/exit_status.h"
#include "tools/progressctl/terminal_text.h"

namespace progressd::ctl {

Result<void> Board::apply(const StreamEvent& event) {
  if (event.name == "gap") {  // what is still there is told anew
    if (wanted_.empty()) jobs_.clear();
    return {};
  }
  JobView job;
  // Which job it is about is told by the event itself, so it is read first.
  if (const Result<void> read = update(job, reader_, event.data); !read) return read;
  if (event.name == "removed") {
    const auto known = jobs_.find(job.id);
    if (known == jobs_.end() || !is_terminal(known->second.job.state)) {
      note_end(job.id, kExitServer);
    }
    if (wanted_.empty()) jobs_.erase(job.id);
    return {};
  }
  if (is_terminal(job.state)) note_end(job.id, exit_status_of(job.state));
  if (!jobs_.contains(job.id) && jobs_.size() >= kJobsOnBoardMax) make_room();
  if (!jobs_.contains(job.id) && jobs_.size() >= kJobsOnBoardMax) return {};
  const auto [entry, is_new] = jobs_.try_emplace(job.id, Entry{job, order_});
  const bool ends_now = is_terminal(job.state) && !is_terminal(entry->second.job.state);
  if (is_new || ends_now) entry->second.order = order_++;
  entry->second.job = std::move(job);
  return {};
}

void Board::note_end(const std::string& id, int exit_status) {
  if (wanted_.contains(id)) ended_.try_emplace(id, exit_status);
}

/// Drops the job that has been over for longest.
void Board::make_room() {
  auto oldest = jobs_.end();
  for (auto at = jobs_.begin(); at != jobs_.end(); ++at) {
    if (!is_terminal(at->second.job.state)) continue;
    if (oldest == jobs_.end() || at->second.order < oldest->second.order) oldest = at;
  }
  if (oldest != jobs_.end()) jobs_.erase(oldest);
}

int Board::exit_status() const {
  for (const int status : {kExitFailed, kExitServer, kExitCancelled}) {
    for (const auto& [id, ended] : ended_) {
      if (ended == status) return status;
    }
  }
  return kExitOk;
}

std::vector<const Board::Entry*> Board::in_order() const {
  std::vector<const Entry*> entries;
  for (const auto& [id, entry] : jobs_) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(), [&](const Entry* a, const Entry* b) {
    // Of those that just come by, the ones that move stand first, then what ended last.
    const bool a_over = wanted_.empty() && is_terminal(a->job.state);
    const bool b_over = wanted_.empty() && is_terminal(b->job.state);
    if (a_over != b_over) return b_over;
    return a_over ? a->order > b->order : a->order < b->order;
  });
  return entries;
}

std::vector<Line> Board::lines(const LineStyle& style, std::size_t lines_max) const {
  const std::vector<const Entry*> entries = in_order();
  const bool has_all = entries.size() <= lines_max;
  const std::size_t shown =
      has_all ? entries.size() : lines_max - std::min<std::size_t>(lines_max, 1);
  LineStyle aligned = style;
  aligned.name_columns = 0;
  for (std::size_t i = 0; i < shown; ++i) {
    aligned.name_columns =
        std::max(aligned.name_columns, columns_of(printable(entries[i]->job.id)));
  }
  std::vector<Line> lines;
  for (std::size_t i = 0; i < shown; ++i) lines.push_back(job_line(entries[i]->job, aligned));
  if (!has_all) {
    const std::string more = cut(fmt::format("and {} more", entries.size() - shown), style.columns);
    lines.push_back({more, columns_of(more)});
  }
  return lines;
}

}  // namespace progressd::ctl
