// GET /openapi.json: what this server answers to, as OpenAPI 3.1, for people and their programs.
// The file is tools/docs/openapi.json; a test holds it against the routes.
#pragma once

#include <span>

#include "net/api/asset.h"
#include "net/http/router.h"

namespace progressd {

std::span<const Asset> openapi_assets();

void add_openapi_routes(Router& router);

}  // namespace progressd
