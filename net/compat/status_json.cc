#include "net/compat/status_json.h"

#include <algorithm>

namespace progressd {
namespace {

void put_for_page(std::string_view text, JsonWriter& out) {
  JsonWriter written;
  written.string(text);
  for (std::string_view rest = written.view(); !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('\''));
    out.put(part);
    if (part.size() < rest.size()) out.put("\\u0027");
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
}

}  // namespace

void put_status(std::string_view result, std::optional<std::string_view> message, JsonWriter& out) {
  out.put(R"({"result": )");
  put_for_page(result, out);
  if (message) {
    out.put(R"(, "message": )");
    put_for_page(*message, out);
  }
  out.put("}");
}

}  // namespace progressd
