#include "core/stream/frame.h"

#include <cstring>
#include <new>

#include "core/base/ensure.h"

namespace progressd {

FrameRef::FrameRef(std::initializer_list<std::string_view> parts, const About& about) {
  make(parts, about, 0);
}

FrameRef::FrameRef(std::initializer_list<std::string_view> parts, const About& about,
                   const BlockSum& sum) {
  std::memcpy(make(parts, about, sizeof(sum)), &sum, sizeof(sum));
  rep_->about.has_sum = true;
}

char* FrameRef::make(std::initializer_list<std::string_view> parts, const About& about,
                     std::size_t more) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  ENSURE(size <= UINT32_MAX);
  rep_ = new (::operator new(sizeof(Rep) + size + more))
      Rep{1, static_cast<std::uint32_t>(size), about};
  char* at = reinterpret_cast<char*>(rep_ + 1);
  for (const std::string_view part : parts) {
    if (part.empty()) continue;
    std::memcpy(at, part.data(), part.size());
    at += part.size();
  }
  return at;
}

BlockSum FrameRef::sum() const {
  BlockSum sum;
  if (rep_->about.has_sum) std::memcpy(&sum, bytes().data() + bytes().size(), sizeof(sum));
  return sum;
}

}  // namespace progressd
