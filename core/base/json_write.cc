#include "core/base/json_write.h"

#include <fmt/format.h>

#include <array>

namespace progressd {

void JsonWriter::hundredths(std::int64_t value) {
  if (value % 100 == 0) return integer(value / 100);
  std::array<char, 32> text;
  const auto end = value % 10 == 0
                       ? fmt::format_to(text.data(), "{}.{}", value / 100, value % 100 / 10)
                       : fmt::format_to(text.data(), "{}.{:02}", value / 100, value % 100);
  raw({text.data(), static_cast<std::size_t>(end - text.data())});
}

}  // namespace progressd
