#include "net/watch/watch_spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/time_text.h"
#include "core/jobs/job_input.h"

namespace progressd {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr std::string_view kInterval = ",interval=";
constexpr Millis kIntervalMinMs = 10;

bool is_url(std::string_view text) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text.starts_with(scheme)) continue;
    const std::string_view rest = text.substr(scheme.size());
    return !rest.empty() && rest.front() != '/' &&
           std::all_of(rest.begin(), rest.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  }
  return false;
}

}  // namespace

Result<WatchSpec> parse_watch(std::string_view text) {
  WatchSpec spec;
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    return fail(Errc::kInvalid,
                fmt::format("'{}' is no watch: write it like jobs=http://127.0.0.1:9000/status, or "
                            "with ,interval=500ms behind it",
                            text));
  }
  spec.name = text.substr(0, equals);
  if (!is_job_id(spec.name) || spec.name.size() > kNameBytesMax) {
    return fail(Errc::kInvalid, fmt::format("'{}': a name is 1 to {} of A-Z a-z 0-9 . _ ~ -",
                                            spec.name, kNameBytesMax));
  }
  std::string_view url = text.substr(equals + 1);
  if (const std::size_t comma = url.rfind(kInterval); comma != std::string_view::npos) {
    const Result<Millis> interval = parse_duration(url.substr(comma + kInterval.size()));
    if (!interval) return tl::unexpected(interval.error());
    if (*interval < kIntervalMinMs) {
      return fail(Errc::kInvalid,
                  fmt::format("{}: interval: must be at least {}ms", spec.name, kIntervalMinMs));
    }
    spec.interval_ms = *interval;
    url = url.substr(0, comma);
  }
  if (!is_url(url)) {
    return fail(Errc::kInvalid,
                fmt::format("{}: '{}' is no http:// or https:// URL", spec.name, url));
  }
  spec.url = url;
  return spec;
}

}  // namespace progressd
