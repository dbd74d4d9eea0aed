// The dashboard's files, embedded at build time from tools/dashboard/, and the parser of event
// streams that it has from the client library.
#pragma once

#include <span>

#include "net/api/asset.h"
#include "net/http/router.h"

namespace progressd {

std::span<const Asset> dashboard_assets();

/// Serves `index.html` at `/` and every other file at its own name, without its folder.
void add_dashboard_routes(Router& router);

}  // namespace progressd
