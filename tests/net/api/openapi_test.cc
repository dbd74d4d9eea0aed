// What tools/docs/openapi.json tells of is what the server has, and the other way round. What each
// of it answers is held against the file by tests/system/test_openapi.py.
#include "net/api/openapi.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json_read.h"
#include "net/api/dashboard.h"
#include "net/server.h"
#include "net/uv/loop.h"

namespace progressd {
namespace {

using Routes = std::set<std::string>;  // `get /v1/jobs/{}`

std::string_view lower_case_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "get";
    case Method::kPost:
      return "post";
    case Method::kPatch:
      return "patch";
    case Method::kDelete:
      return "delete";
    default:
      return "another method";
  }
}

/// `/v1/jobs/{id}` as the router writes it: `/v1/jobs/{}`.
std::string without_names(std::string_view path) {
  std::string pattern;
  bool in_name = false;
  for (const char c : path) {
    if (c == '}') in_name = false;
    if (!in_name) pattern += c;
    if (c == '{') in_name = true;
  }
  return pattern;
}

/// The value of a field of an object, as JSON.
std::string field(const std::string& object, std::string_view name) {
  std::string found;
  const auto read = JsonReader().read_copied_object(
      object, [&](std::string_view key, JsonValue& value) -> Result<void> {
        if (key != name) return {};
        return value.json(key, SIZE_MAX).map([&](const std::string& json) { found = json; });
      });
  EXPECT_TRUE(read) << read.error().detail;
  return found;
}

std::vector<std::string> keys(const std::string& object) {
  std::vector<std::string> keys;
  const auto read = JsonReader().read_copied_object(
      object, [&](std::string_view key, JsonValue&) -> Result<void> {
        keys.emplace_back(key);
        return {};
      });
  EXPECT_TRUE(read) << read.error().detail;
  return keys;
}

Routes documented() {
  Routes routes;
  const std::string paths = field(std::string(openapi_assets().front().bytes), "paths");
  for (const std::string& path : keys(paths)) {
    for (const std::string& method : keys(field(paths, path))) {
      if (method != "parameters") routes.insert(method + " " + without_names(path));
    }
  }
  return routes;
}

Routes served() {
  Loop loop;
  const Server server(loop, Config{}, /*rounds_per_ms=*/1);
  Routes routes;
  server.routes().each([&](Method method, const std::string& pattern) {
    routes.insert(std::string(lower_case_name(method)) + " " + pattern);
  });
  // The page's own files are its matter. They are served without their folders.
  for (const Asset& asset : dashboard_assets()) {
    routes.erase("get /" + std::string(asset.path.substr(asset.path.rfind('/') + 1)));
  }
  return routes;
}

TEST(OpenApi, TellsOfEveryRouteAndOfNoOther) { EXPECT_EQ(documented(), served()); }

TEST(OpenApi, ARouteIsSeenAsItWasAdded) {
  const Routes routes = served();
  for (const std::string_view route :
       {"get /", "get /v1/jobs/{}", "post /v1/jobs/{}/cancel", "delete /api/v1/sse/progress/{}"}) {
    EXPECT_EQ(routes.count(std::string(route)), 1U) << route;
  }
}

}  // namespace
}  // namespace progressd
