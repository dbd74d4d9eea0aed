#include "core/base/json_write.h"

#include <algorithm>
#include <array>

#include "core/base/digits.h"

namespace progressd {

void JsonWriter::hundredths(std::int64_t value) {
  if (value % 100 == 0) return integer(value / 100);
  std::array<char, 32> text;
  const Digits whole(value / 100);
  char* end = std::copy(whole.view().begin(), whole.view().end(), text.begin());
  *end++ = '.';
  *end++ = static_cast<char>('0' + value % 100 / 10);
  if (value % 10 != 0) *end++ = static_cast<char>('0' + value % 10);
  raw({text.data(), static_cast<std::size_t>(end - text.data())});
}

}  // namespace progressd
