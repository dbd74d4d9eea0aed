#include "progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "units.h"

namespace sseload {
namespace {

constexpr Nanoseconds kShowEvery = 200 * kMillisecond;
constexpr const char* kClearLine = "\r\033[K";

}  // namespace

ProgressLine::ProgressLine(bool is_quiet) : is_on_(!is_quiet && isatty(STDERR_FILENO) == 1) {}

void ProgressLine::show(Nanoseconds now, const StreamSet& streams, const Tally& tally,
                        const PublishTally& published) {
  if (!is_on_ || now < due_ns_) return;
  due_ns_ = now + kShowEvery;
  const double span = to_seconds(now - shown_ns_);
  const double rate = static_cast<double>(tally.events - shown_events_) / span;
  shown_ns_ = now;
  shown_events_ = tally.events;
  const StreamFates& fates = tally.fates;
  fmt::print(stderr,
             "{}streams {} of {}  events {} ({}/s)  published {}  faults {}  lost connections {}",
             kClearLine, with_commas(streams.open()), with_commas(streams.all().size()),
             with_commas(tally.events), with_commas(static_cast<std::uint64_t>(rate)),
             with_commas(published.answered), tally.faults.sum(), fates.failed + fates.dropped);
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!is_on_) return;
  fmt::print(stderr, "{}", kClearLine);
  std::fflush(stderr);
}

}  // namespace sseload
