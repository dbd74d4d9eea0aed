#include "net/http/router.h"

#include <array>
#include <utility>

namespace progressd {
namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

bool matches(const std::vector<std::string>& pattern,
             const std::vector<std::string_view>& segments) {
  if (pattern.size() != segments.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != "{}" && pattern[i] != segments[i]) return false;
    if (pattern[i] == "{}" && segments[i].empty()) return false;
  }
  return true;
}

std::string_view method_name(Method method) {
  static constexpr std::array<std::string_view, 7> kNames{"GET",    "HEAD",    "POST", "PATCH",
                                                          "DELETE", "OPTIONS", ""};
  return kNames[static_cast<std::size_t>(method)];
}

}  // namespace

void Router::add(Method method, std::string_view pattern, Handler handler) {
  Route route{method, {}, std::move(handler)};
  for (const std::string_view segment : split_path(pattern)) route.segments.emplace_back(segment);
  routes_.push_back(std::move(route));
}

void Router::dispatch(Request& request, Responder responder) const {
  const std::vector<std::string_view> segments = split_path(request.path);
  const Method wanted = request.method == Method::kHead ? Method::kGet : request.method;
  std::string allow;
  for (const Route& route : routes_) {
    if (!matches(route.segments, segments)) continue;
    if (route.method == wanted) {
      for (std::size_t i = 0; i < segments.size(); ++i) {
        if (route.segments[i] == "{}") {
          request.path_parameters.push_back(*percent_decoded(segments[i], false));
        }
      }
      route.handler(request, responder);
      return;
    }
    if (route.method == Method::kGet) allow += "GET, HEAD, ";
    if (route.method != Method::kGet) allow.append(method_name(route.method)).append(", ");
  }
  if (request.path == "*") allow = "GET, HEAD, POST, PATCH, DELETE, ";
  if (allow.empty()) return responder.reply(problem(404, "there is nothing at this path"));
  allow += "OPTIONS";
  Response response = request.method == Method::kOptions
                          ? Response{.status = 204, .content_type = {}, .body = {}, .headers = {}}
                          : problem(405, "this path allows " + allow);
  responder.reply(std::move(response.with("Allow", allow)));
}

}  // namespace progressd
