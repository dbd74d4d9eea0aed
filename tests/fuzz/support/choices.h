// The bytes that libFuzzer chose, as decisions. When they run out every decision is 0, so that an
// input can be cut short and still means something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace progressd::fuzz {

class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}
  Choices(const std::uint8_t* bytes, std::size_t size)
      : Choices(std::string_view(reinterpret_cast<const char*>(bytes), size)) {}

  bool done() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const auto first = static_cast<std::uint8_t>(bytes_.front());
    bytes_.remove_prefix(1);
    return first;
  }
  /// 0 to `count` − 1; `count` is 1 to 256.
  std::size_t index(std::size_t count) { return byte() % count; }
  /// Up to `size` bytes as they are.
  std::string_view text(std::size_t size) {
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view rest() { return text(bytes_.size()); }
  /// Up to the next `end`, which is taken off too.
  std::string_view line(char end = '\n') {
    const std::string_view taken = text(std::min(bytes_.find(end), bytes_.size()));
    text(1);
    return taken;
  }

 private:
  std::string_view bytes_;
};

}  // namespace progressd::fuzz
