#include "net/api/dashboard.h"

#include <string>
#include <utility>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "net/api/input.h"

namespace progressd {
namespace {

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

Response asset_response(const Request& request, const Asset& asset, const std::string& tag) {
  Response response;
  // The page talks to this server and to nobody else.
  response
      .with("Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
      .with("Cache-Control", "no-cache")  // may be kept, and is asked for again: another version
      .with("ETag", '"' + tag + '"');
  const std::optional<TagList> known = tag_list(request, "If-None-Match", /*weak=*/true);
  if (known && known->matches(tag)) {
    response.status = 304;
    return response;
  }
  response.content_type = media_type(asset.path);
  response.body = asset.bytes;
  return response;
}

}  // namespace

void add_dashboard_routes(Router& router) {
  for (const Asset& asset : dashboard_assets()) {
    router.add(
        Method::kGet, route_of(asset.path),
        [asset, tag = base64url(view_of(sha256(asset.bytes)))](Request& request,
                                                               Responder responder) {
          responder.reply(asset_response(request, asset, tag));
        },
        Audience::kEverybody);
  }
}

}  // namespace progressd
