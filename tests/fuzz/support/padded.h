// A text with exactly the readable bytes behind it that JsonReader asks for, on the heap, so that
// reading one more is found out. They are no spaces: a reader that looks at them is found out too.
#pragma once

#include <algorithm>
#include <memory>
#include <string_view>

#include "core/base/json_read.h"

namespace progressd::fuzz {

class Padded {
 public:
  explicit Padded(std::string_view text)
      : size_(text.size()), bytes_(std::make_unique<char[]>(size_ + kJsonPaddingBytes)) {
    std::copy(text.begin(), text.end(), bytes_.get());
    std::fill_n(bytes_.get() + size_, kJsonPaddingBytes, '7');
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

}  // namespace progressd::fuzz
