#include "net/api/dashboard.h"

#include <string>

namespace progressd {
namespace {

std::string_view media_type(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  return "text/javascript; charset=utf-8";
}

}  // namespace

void add_dashboard_routes(Router& router) {
  for (const Asset& asset : dashboard_assets()) {
    const std::string path = asset.path == "index.html" ? "/" : "/" + std::string(asset.path);
    router.add(
        Method::kGet, path,
        [asset](Request&, Responder responder) {
          Response response;
          response.content_type = media_type(asset.path);
          response.body = asset.bytes;
          // The page talks to this server and to nobody else.
          response
              .with("Content-Security-Policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors "
                    "'none'")
              .with("Cache-Control", "no-cache");
          responder.reply(std::move(response));
        },
        Audience::kEverybody);
  }
}

}  // namespace progressd
