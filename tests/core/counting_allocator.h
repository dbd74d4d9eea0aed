// Counts the memory that operator new has given and not got back, because only the allocator sees
// what a class holds on to. For the one source file of a single-threaded test: it replaces operator
// new for the whole program.
#pragma once

#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace progressd::testing {

/// The allocator keeps the size of each piece in front of it.
inline constexpr std::size_t kPieceHeadBytes = sizeof(std::size_t);

inline std::size_t bytes_alive = 0;
/// The most since a test set it back.
inline std::size_t bytes_alive_max = 0;

}  // namespace progressd::testing

[[gnu::noinline]] void* operator new(std::size_t size) {
  using namespace progressd::testing;
  void* const room = std::malloc(size);
  if (room == nullptr) std::abort();
  bytes_alive += malloc_usable_size(room) + kPieceHeadBytes;
  bytes_alive_max = std::max(bytes_alive_max, bytes_alive);
  return room;
}
[[gnu::noinline]] void operator delete(void* room) noexcept {
  using namespace progressd::testing;
  if (room != nullptr) bytes_alive -= malloc_usable_size(room) + kPieceHeadBytes;
  std::free(room);
}
[[gnu::noinline]] void operator delete(void* room, std::size_t) noexcept { operator delete(room); }
