#include "net/http/router.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "net/access/gate.h"

namespace progressd {
namespace {

/// The first segment of `path`, which begins with a slash; `path` keeps the others.
std::string_view take_segment(std::string_view& path) {
  path.remove_prefix(1);
  const std::string_view segment = path.substr(0, path.find('/'));
  path.remove_prefix(segment.size());
  return segment;
}

std::string_view method_name(Method method) {
  static constexpr std::array<std::string_view, 7> kNames{"GET",    "HEAD",    "POST", "PATCH",
                                                          "DELETE", "OPTIONS", ""};
  return kNames[static_cast<std::size_t>(method)];
}

}  // namespace

void Router::add(Method method, std::string_view pattern, Handler handler, Audience audience,
                 std::string_view job_parameter) {
  Node* node = &root_;
  while (!pattern.empty()) {
    const std::string_view segment = take_segment(pattern);
    std::unique_ptr<Node>* next = &node->parameter;
    if (segment != "{}") {
      const auto known = std::find_if(node->literals.begin(), node->literals.end(),
                                      [&](const auto& child) { return child.first == segment; });
      next = known != node->literals.end() ? &known->second
                                           : &node->literals.emplace_back(segment, nullptr).second;
    }
    if (*next == nullptr) *next = std::make_unique<Node>();
    node = next->get();
  }
  node->routes.push_back({method, std::move(handler), audience, std::string(job_parameter)});
}

void Router::each(const Node& node, const std::string& pattern,
                  const std::function<void(Method, const std::string&)>& visit) {
  for (const Route& route : node.routes) visit(route.method, pattern);
  for (const auto& [literal, child] : node.literals) {
    each(*child, fmt::format("{}/{}", pattern, literal), visit);
  }
  if (node.parameter != nullptr) each(*node.parameter, pattern + "/{}", visit);
}

const Router::Node* Router::find(const Node& node, std::string_view rest, Parameters& parameters) {
  if (rest.empty()) return node.routes.empty() ? nullptr : &node;
  const std::string_view segment = take_segment(rest);
  for (const auto& [literal, child] : node.literals) {
    if (literal != segment) continue;
    if (const Node* found = find(*child, rest, parameters)) return found;
  }
  if (node.parameter == nullptr || segment.empty()) return nullptr;
  parameters.push_back(segment);
  const Node* found = find(*node.parameter, rest, parameters);
  if (found == nullptr) parameters.pop_back();
  return found;
}

std::optional<std::string> Router::job_of(const Route& route, const Request& request) {
  if (route.audience == Audience::kJobStream) return request.path_parameters[0];
  std::optional<std::string> job;
  if (route.job_parameter.empty()) return job;
  for (const auto& [name, id] : request.query_parameters()) {
    if (name != route.job_parameter) continue;
    if (job) return std::nullopt;  // several are no one job's stream
    job = id;
  }
  return job;
}

void Router::dispatch(Request& request, Responder responder) const {
  std::optional<Response> refusal;
  // A body may take its time: who was let in with the head is asked again then.
  const bool is_admitted = request.route != nullptr && request.admitted_in == gate_.round();
  const Route* const route = is_admitted ? request.route : admit(request, refusal);
  if (route != nullptr) refusal = gate_.refuse_read(request);
  refusal ? responder.reply(std::move(*refusal)) : route->handler(request, responder);
}

std::optional<Response> Router::refusal(Request& request) const {
  std::optional<Response> refusal;
  request.admitted_in = gate_.round();
  request.route = admit(request, refusal);
  return refusal;
}

const Route* Router::admit(Request& request, std::optional<Response>& refusal) const {
  parameters_.clear();
  const bool is_of_server = request.path == "*";  // OPTIONS *
  const Node* node = is_of_server ? nullptr : find(root_, request.path, parameters_);
  if (node == nullptr && !is_of_server) {
    refusal = problem(404, "there is nothing at this path");
    return nullptr;
  }
  std::string allow = is_of_server ? "GET, HEAD, POST, PATCH, DELETE, " : "";
  if (node != nullptr) {
    const Method wanted = request.method == Method::kHead ? Method::kGet : request.method;
    for (const Route& route : node->routes) {
      if (route.method != wanted) continue;
      request.path_parameters.clear();
      for (const std::string_view parameter : parameters_) {
        request.path_parameters.push_back(*percent_decoded(parameter, false));
      }
      const bool is_stream =
          route.audience == Audience::kStreams || route.audience == Audience::kJobStream;
      request.stream_job = job_of(route, request);
      if (route.audience != Audience::kEverybody && held_) {
        refusal = problem(503, "the server is starting", 1);
      } else if (route.audience != Audience::kEverybody) {
        refusal = gate_.identify(request, is_stream);
      }
      return refusal ? nullptr : &route;
    }
    for (const Route& route : node->routes) {
      allow += route.method == Method::kGet ? "GET, HEAD" : method_name(route.method);
      allow += ", ";
    }
  }
  allow += "OPTIONS";
  refusal = request.method == Method::kOptions
                ? Response{.status = 204, .content_type = {}, .body = {}, .headers = {}}
                : problem(405, "this path allows " + allow);
  refusal->with("Allow", allow);
  return nullptr;
}

}  // namespace progressd
