// A file that is embedded at build time (tools/cmake/Embed.cmake).
#pragma once

#include <string_view>

namespace progressd {

struct Asset {
  std::string_view path;  // `index.html`
  std::string_view bytes;
};

}  // namespace progressd
