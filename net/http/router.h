// The router: which handler a request goes to. A handler answers through the Responder, now or
// later.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http/request.h"
#include "net/http/responder.h"

namespace progressd {

class Gate;

/// Who may ask for a route.
enum class Audience : std::uint8_t {
  kCallers,    // whoever says who they are, where auth is on
  kStreams,    // the same, for a stream: a ticket will do; for one job's, where the query names it
  kJobStream,  // the same; and the first `{}` is the job that it is about
  kEverybody,
};

using Handler = std::function<void(Request& request, Responder responder)>;

/// What is done with requests of a method and a path.
struct Route {
  Method method;
  Handler handler;
  Audience audience;
  std::string job_parameter;
};

class Router {
 public:
  explicit Router(Gate& gate) : gate_(gate) {}

  /// `pattern`: `/v1/jobs/{}/events`; each `{}` is one segment, decoded into path_parameters.
  /// A GET route answers HEAD as well.
  /// `job_parameter`: of the query, which names the job that a stream is about, when given once.
  void add(Method method, std::string_view pattern, Handler handler,
           Audience audience = Audience::kCallers, std::string_view job_parameter = {});

  /// Calls `visit` for each route, with its pattern as it was added.
  void each(const std::function<void(Method method, const std::string& pattern)>& visit) const {
    each(root_, {}, visit);
  }

  /// Until begin(), whoever asks for what is not everybody's is answered 503.
  void hold() { held_ = true; }
  void begin() { held_ = false; }
  bool is_held() const { return held_; }

  /// Calls the handler, or answers 404, 405 with Allow, or OPTIONS.
  void dispatch(Request& request, Responder responder) const;
  /// The answer that dispatch() gives without a handler; none where there is one to call, which the
  /// request then knows: dispatch() does not look for it again.
  /// The request's body need not have come.
  std::optional<Response> refusal(Request& request) const;

 private:
  /// The routes as a tree of their segments, so that finding one doesn't depend on how many there
  /// are.
  struct Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;
    std::unique_ptr<Node> parameter;  // `{}`
    std::vector<Route> routes;
  };
  using Parameters = std::vector<std::string_view>;
  /// Null, and answered by `refusal`, where no handler is to be called.
  const Route* admit(Request& request, std::optional<Response>& refusal) const;
  static void each(const Node& node, const std::string& pattern,
                   const std::function<void(Method, const std::string&)>& visit);
  static std::optional<std::string> job_of(const Route& route, const Request& request);

  /// The node of the path `rest`, null when there is none. A literal segment goes before `{}`.
  static const Node* find(const Node& node, std::string_view rest, Parameters& parameters);

  Gate& gate_;
  bool held_ = false;
  Node root_;
  mutable Parameters parameters_;  // of the path that is looked up: a buffer, no state
};

}  // namespace progressd
