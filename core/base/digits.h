// Numbers as text on the hot path, where fmt's formatting would be a tenth of an event's cost.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <string_view>

namespace progressd {

/// An integer's digits, good as long as this object is.
class Digits {
 public:
  template <std::integral Integer>
  explicit Digits(Integer value, int base = 10) {
    char* const begin = text_.data();
    size_ = static_cast<std::size_t>(std::to_chars(begin, begin + text_.size(), value, base).ptr -
                                     begin);
  }

  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 66> text_;
  std::size_t size_ = 0;
};

}  // namespace progressd
