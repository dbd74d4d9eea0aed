#include "tools/progressctl/report_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/base/utf8.h"
#include "core/jobs/job.h"

namespace progressd::ctl {
namespace {

constexpr double kPercentMax = 100;
/// Of a step: more than what a double is off by.
constexpr double kRoundingError = 1e-6;

}  // namespace

Result<Pattern> Pattern::compile(const std::string& flag, const std::string& text) {
  Pattern pattern;
  auto compiled = std::make_unique<regex_t>();
  const int code = regcomp(compiled.get(), text.c_str(), REG_EXTENDED);
  if (code != 0) {
    std::array<char, 128> why{};
    regerror(code, compiled.get(), why.data(), why.size());
    return fail(Errc::kInvalid, fmt::format("{}: {}", flag, why.data()));
  }
  pattern.compiled_.reset(compiled.release());
  return pattern;
}

std::optional<std::string> Pattern::find(const std::string& line) const {
  std::array<regmatch_t, 2> matches{};
  const std::size_t wanted = compiled_->re_nsub > 0 ? 1 : 0;
  if (regexec(compiled_.get(), line.c_str(), matches.size(), matches.data(), 0) != 0) return {};
  const regmatch_t& match = matches[wanted];
  if (match.rm_so < 0) return std::string();  // a group that took no part
  return line.substr(static_cast<std::size_t>(match.rm_so),
                     static_cast<std::size_t>(match.rm_eo - match.rm_so));
}

std::string message_of(std::string_view line) {
  std::string text = to_utf8(line);
  if (text.size() <= kMessageBytesMax) return text;
  std::size_t bytes = kMessageBytesMax;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

void ReportInput::take(std::string_view raw) {
  const std::string line(raw);
  if (fail_on && !failure_ && fail_on->find(line)) failure_ = message_of(line);
  if (!line.empty()) progress_.message = message_of(line);
  if (!percent) return count_line();
  if (const auto number = percent->find(line)) take_percent(*number);
}

void ReportInput::count_line() {
  if (progress_.done < progress_.total) {
    ++progress_.done;
  } else if (!total) {
    ++progress_.done;
    progress_.total *= 2;
  }
}

void ReportInput::take_percent(const std::string& number) {
  double value = 0;
  const char* const end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (error != std::errc{} || stop != end || !(value >= 0 && value <= kPercentMax)) return;
  // 0.29 is a little less than that: 29 % of 100 are 29 all the same.
  const auto done = static_cast<std::int64_t>(
      value / kPercentMax * static_cast<double>(progress_.total) + kRoundingError);
  progress_.done = std::clamp(done, progress_.done, progress_.total);  // it never goes back
}

Progress ReportInput::completed() const {
  Progress progress = progress_;
  if (!total && !percent && progress.done > 0) progress.total = progress.done;
  return progress;
}

}  // namespace progressd::ctl
