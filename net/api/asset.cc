#include "net/api/asset.h"

#include <optional>
#include <utility>

#include "core/base/base64url.h"
#include "core/base/digest.h"
#include "net/api/input.h"

namespace progressd {

void add_asset_route(Router& router, const std::string& path, const Asset& asset,
                     std::string_view content_type, std::string_view policy) {
  router.add(
      Method::kGet, path,
      [asset, content_type, policy, tag = base64url(view_of(sha256(asset.bytes)))](
          const Request& request, const Responder& responder) {
        Response response;
        response.with("Cache-Control", "no-cache").with("ETag", '"' + tag + '"');
        if (!policy.empty()) response.with("Content-Security-Policy", std::string(policy));
        const std::optional<TagList> known = tag_list(request, "If-None-Match", /*weak=*/true);
        if (known && known->matches(tag)) {
          response.status = 304;
        } else {
          response.content_type = content_type;
          response.body = asset.bytes;
        }
        responder.reply(std::move(response));
      },
      Audience::kEverybody);
}

}  // namespace progressd
