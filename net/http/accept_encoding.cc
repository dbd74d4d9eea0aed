#include "net/http/accept_encoding.h"

#include <algorithm>
#include <optional>

namespace progressd {
namespace {

constexpr int kWeightMax = 1'000;  // a weight counts in thousandths

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// `0`, `0.5`, `1.000`: at most three decimals, at most 1. None for what is no weight.
std::optional<int> weight_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 1 && text[1] != '.') return std::nullopt;
  int weight = (text[0] - '0') * kWeightMax;
  int place = kWeightMax / 10;
  for (std::size_t i = 2; i < text.size(); ++i, place /= 10) {
    if (!is_digit(text[i])) return std::nullopt;
    weight += (text[i] - '0') * place;
  }
  if (weight > kWeightMax) return std::nullopt;
  return weight;
}

/// Of what stands behind the coding's name, `;q=0.5`. What can't be read asks for nothing.
int weight_in(std::string_view parameters) {
  parameters = trimmed(parameters);
  if (parameters.empty()) return kWeightMax;
  parameters = trimmed(parameters.substr(1));  // the semicolon
  if (parameters.size() < 2 || !equals_ignoring_case(parameters.substr(0, 2), "q=")) return 0;
  return weight_of(parameters.substr(2)).value_or(0);
}

}  // namespace

bool wants_compressed_stream(const Request& request) {
  return request.may_compress && request.header("Accept-Encoding") &&  // mostly it asks for none
         prefers_gzip(request.header_list("Accept-Encoding")) &&
         names_event_streams(request.header_list("Accept"));
}

bool prefers_gzip(std::string_view accept_encoding) {
  std::optional<int> gzip;
  std::optional<int> any;
  std::optional<int> identity;
  while (!accept_encoding.empty()) {
    const std::string_view element = accept_encoding.substr(0, accept_encoding.find(','));
    accept_encoding.remove_prefix(std::min(element.size() + 1, accept_encoding.size()));
    const std::size_t semicolon = std::min(element.find(';'), element.size());
    const std::string_view coding = trimmed(element.substr(0, semicolon));
    const int weight = weight_in(element.substr(semicolon));
    // The older name is the same coding; of both, the better one counts.
    if (equals_ignoring_case(coding, "gzip") || equals_ignoring_case(coding, "x-gzip")) {
      gzip = std::max(gzip.value_or(0), weight);
    } else if (equals_ignoring_case(coding, "identity")) {
      identity = weight;
    } else if (coding == "*") {
      any = weight;
    }
  }
  // `*` is what is not named otherwise; identity, which goes without saying, is not asked for by
  // it.
  const int wanted = gzip.value_or(any.value_or(0));
  return wanted > 0 && wanted >= identity.value_or(0);
}

bool names_event_streams(std::string_view accept) {
  while (!accept.empty()) {
    const std::string_view element = accept.substr(0, accept.find(','));
    accept.remove_prefix(std::min(element.size() + 1, accept.size()));
    const std::string_view type = trimmed(element.substr(0, element.find(';')));
    if (equals_ignoring_case(type, "text/event-stream")) return true;
  }
  return false;
}

}  // namespace progressd
