#include "net/api/dashboard.h"

#include <string>

namespace progressd {
namespace {

// The page talks to this server and to nobody else.
constexpr std::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string_view media_type(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  return "text/javascript; charset=utf-8";
}

/// Where it is served: all of them stand side by side, wherever they come from.
std::string route_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  return name == "index.html" ? "/" : "/" + std::string(name);
}

}  // namespace

void add_dashboard_routes(Router& router) {
  for (const Asset& asset : dashboard_assets()) {
    add_asset_route(router, route_of(asset.path), asset, media_type(asset.path), kPolicy);
  }
}

}  // namespace progressd
