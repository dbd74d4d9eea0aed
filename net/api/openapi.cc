#include "net/api/openapi.h"

#include <optional>
#include <string>
#include <utility>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "net/api/input.h"

namespace progressd {

void add_openapi_routes(Router& router) {
  const Asset asset = openapi_assets().front();
  router.add(
      Method::kGet, "/" + std::string(asset.path),
      [asset, tag = base64url(view_of(sha256(asset.bytes)))](const Request& request,
                                                             const Responder& responder) {
        Response response;
        response.with("ETag", '"' + tag + '"').with("Cache-Control", "no-cache");
        const std::optional<TagList> known = tag_list(request, "If-None-Match", /*weak=*/true);
        if (known && known->matches(tag)) {
          response.status = 304;
        } else {
          response.content_type = "application/json";
          response.body = asset.bytes;
        }
        responder.reply(std::move(response));
      },
      Audience::kEverybody);
}

}  // namespace progressd
