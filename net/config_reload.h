// What a running server takes over of a configuration that was read again, and what it can't.
#pragma once

#include <string_view>
#include <vector>

#include "net/config.h"

namespace progressd {

/// Makes `next` one that the server which runs with `running` can go over to: what can't change
/// while it runs stays in it as it was. Returns the flags that this concerns.
/// Shape: complete_config() has seen both.
std::vector<std::string_view> keep_what_is_fixed(const Config& running, Config& next);

}  // namespace progressd
