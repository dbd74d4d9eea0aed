// The router: which handler a request goes to. A handler answers through the Responder, now or
// later.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http/request.h"
#include "net/http/responder.h"

namespace progressd {

using Handler = std::function<void(Request& request, Responder responder)>;

class Router {
 public:
  /// `pattern`: `/v1/jobs/{}/events`; each `{}` is one segment, decoded into path_parameters.
  /// A GET route answers HEAD as well.
  void add(Method method, std::string_view pattern, Handler handler);

  /// Calls the handler, or answers 404, 405 with Allow, or OPTIONS.
  void dispatch(Request& request, Responder responder) const;

 private:
  struct Route {
    Method method;
    std::vector<std::string> segments;
    Handler handler;
  };
  std::vector<Route> routes_;
};

}  // namespace progressd
