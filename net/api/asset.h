// Files that are embedded at build time (tools/cmake/Embed.cmake), and how they are served.
#pragma once

#include <string>
#include <string_view>

#include "net/http/router.h"

namespace progressd {

struct Asset {
  std::string_view path;  // `index.html`
  std::string_view bytes;
};

/// Serves `asset` at `path`, to everybody. It may be kept, and is asked for again by its ETag,
/// since the next version of the program may have another one. `policy`: its
/// Content-Security-Policy; empty for none.
void add_asset_route(Router& router, const std::string& path, const Asset& asset,
                     std::string_view content_type, std::string_view policy = {});

}  // namespace progressd
