#include "core/stream/frame.h"

#include <cstring>
#include <new>

#include "core/base/ensure.h"

namespace progressd {

FrameRef::FrameRef(std::initializer_list<std::string_view> parts, const About& about) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  ENSURE(size <= UINT32_MAX);
  rep_ = new (::operator new(sizeof(Rep) + size)) Rep{1, static_cast<std::uint32_t>(size), about};
  char* at = reinterpret_cast<char*>(rep_ + 1);
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
}

}  // namespace progressd
