#include "tools/progressctl/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "net/access/jwt.h"

namespace progressd::ctl {
namespace {

constexpr const char* kTokenVariable = "PROGRESSCTL_TOKEN";
constexpr std::string_view kWhite = " \t\r\n";

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) {
    return fail(Errc::kInvalid, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  std::string bytes(bytes_max + 1, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file.get()));
  if (std::ferror(file.get()) != 0) {
    return fail(Errc::kInvalid, fmt::format("{}: {}", path, std::strerror(errno)));
  }
  if (bytes.size() > bytes_max) {
    return fail(Errc::kInvalid, fmt::format("{}: more than {} bytes", path, bytes_max));
  }
  return bytes;
}

Result<std::string> parse_token(std::string_view text, std::string_view where) {
  const std::size_t first = text.find_first_not_of(kWhite);
  if (first == std::string_view::npos) {
    return fail(Errc::kInvalid, fmt::format("{}: there is no token in it", where));
  }
  text = text.substr(first, text.find_last_not_of(kWhite) - first + 1);
  // More could become a header line of its own.
  const bool is_graphic =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
  if (!is_graphic || text.size() > kTokenBytesMax) {
    return fail(Errc::kInvalid, fmt::format("{}: that is no token", where));
  }
  return std::string(text);
}

Result<std::string> read_token(const std::string& file) {
  if (!file.empty()) {
    const Result<std::string> text = read_file(file, kTokenBytesMax + kWhite.size());
    if (!text) return tl::unexpected(text.error());
    return parse_token(*text, file);
  }
  const char* const text = std::getenv(kTokenVariable);
  if (text == nullptr || *text == '\0') return std::string();
  return parse_token(text, kTokenVariable);
}

Result<std::string> parse_server_url(std::string_view url) {
  const bool has_scheme = url.find("://") != std::string_view::npos;
  const bool is_http = !has_scheme || url.starts_with("http://") || url.starts_with("https://");
  const bool is_plain = std::all_of(
      url.begin(), url.end(), [](char c) { return c > ' ' && c <= '~' && c != '?' && c != '#'; });
  while (url.ends_with('/')) url.remove_suffix(1);
  if (!is_http || !is_plain || url.empty() || url.ends_with(':')) {
    return fail(Errc::kInvalid, "--url: write it like http://127.0.0.1:8080");
  }
  return has_scheme ? std::string(url) : fmt::format("http://{}", url);
}

}  // namespace progressd::ctl
