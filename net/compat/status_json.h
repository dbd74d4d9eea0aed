// A status as the job status application writes it: `{"result": "<status>", "message":
// "<optional>"}`
#pragma once

#include <optional>
#include <string_view>

#include "core/base/json_write.h"

namespace progressd {

/// With those spaces, and without a bare apostrophe: that application's page makes a quote of each.
void put_status(std::string_view result, std::optional<std::string_view> message, JsonWriter& out);

}  // namespace progressd
