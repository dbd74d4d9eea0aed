#include "net/api/openapi.h"

#include <string>

namespace progressd {

void add_openapi_routes(Router& router) {
  const Asset& asset = openapi_assets().front();
  add_asset_route(router, "/" + std::string(asset.path), asset, "application/json");
}

}  // namespace progressd
