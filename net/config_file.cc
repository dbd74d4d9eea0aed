#include "net/config_file.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

namespace progressd {
namespace {

/// As a flag would be given it; none for what no flag takes.
std::optional<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* yes = node.as_boolean()) return yes->get() ? "true" : "false";
  return std::nullopt;
}

std::optional<std::vector<std::string>> texts_of(const toml::node& node) {
  std::vector<std::string> texts;
  const auto take = [&](const toml::node& element) {
    std::optional<std::string> text = text_of(element);
    if (text) texts.push_back(std::move(*text));
    return text.has_value();
  };
  if (const toml::array* array = node.as_array()) {
    for (const toml::node& element : *array) {
      if (!take(element)) return std::nullopt;
    }
    return texts;
  }
  if (!take(node)) return std::nullopt;
  return texts;
}

}  // namespace

Result<std::vector<Setting>> parse_config(std::string_view text, std::string_view name) {
  const auto at = [&](const toml::source_region& region) {
    return fmt::format("{}, line {}", name, region.begin.line);
  };
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail(Errc::kInvalid, fmt::format("{}: {}", at(error.source()), error.description()));
  }
  std::vector<Setting> settings;
  for (const auto& [key, node] : table) {
    std::optional<std::vector<std::string>> values = texts_of(node);
    if (!values) {
      return fail(Errc::kInvalid,
                  fmt::format("{}: {}: must be a text, a number, true, false, or a list of them",
                              at(node.source()), key.str()));
    }
    settings.push_back({fmt::format("--{}", key.str()), std::move(*values), at(node.source())});
  }
  return settings;
}

Result<std::vector<Setting>> read_config_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  text.resize(kConfigFileBytesMax + 1);
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad() || (!file.eof() && file.gcount() == 0)) {
    return fail(Errc::kInvalid, fmt::format("{}: can't be read: {}", path,
                                            std::strerror(errno == 0 ? EIO : errno)));
  }
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > kConfigFileBytesMax) {
    return fail(Errc::kInvalid,
                fmt::format("{}: takes more than {} bytes", path, kConfigFileBytesMax));
  }
  return parse_config(text, path);
}

}  // namespace progressd
