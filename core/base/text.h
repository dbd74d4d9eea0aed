// Text: an immutable string that many events share, in 8 bytes. It is null when nothing was said.
// The count is atomic, because a change carries texts from the loop to a journal's thread. Where
// the process has only one thread, as with the journal in memory, it is counted without a lock,
// which would wait for every write before it, and most of those are to memory in no cache.
#pragma once

#include <sys/single_threaded.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "core/base/ensure.h"

namespace progressd {

class Text {
 public:
  Text() = default;
  /// Copies `bytes` (under 4 GiB). An empty string is a text; only a default Text is null.
  explicit Text(std::string_view bytes) {
    ENSURE(bytes.size() < UINT32_MAX);
    void* room = ::operator new(sizeof(Rep) + bytes.size());
    rep_ = new (room) Rep{{1}, static_cast<std::uint32_t>(bytes.size())};
    if (!bytes.empty()) std::memcpy(static_cast<void*>(rep_ + 1), bytes.data(), bytes.size());
  }
  Text(const Text& other) noexcept : rep_(other.rep_) {
    if (rep_ != nullptr) count_up(rep_->refs);
  }
  Text(Text&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  Text& operator=(Text other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~Text() {
    if (rep_ != nullptr && count_down(rep_->refs) == 0) {
      rep_->~Rep();
      ::operator delete(rep_);
    }
  }

  bool is_null() const { return rep_ == nullptr; }
  /// Empty when null.
  std::string_view view() const {
    if (rep_ == nullptr) return {};
    return {reinterpret_cast<const char*>(rep_ + 1), rep_->size};
  }
  /// Whether it is the same text in memory, or both are null.
  bool is_same_as(const Text& other) const { return rep_ == other.rep_; }
  friend bool operator==(const Text& a, const Text& b) {
    return a.rep_ == b.rep_ || (a.is_null() == b.is_null() && a.view() == b.view());
  }

 private:
  struct Rep {
    std::atomic<std::uint32_t> refs;
    std::uint32_t size;  // the bytes follow
  };
  static void count_up(std::atomic<std::uint32_t>& refs) {
    if (__libc_single_threaded == 0) {
      refs.fetch_add(1, std::memory_order_relaxed);
    } else {
      refs.store(refs.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
  }
  /// Returns what is left.
  static std::uint32_t count_down(std::atomic<std::uint32_t>& refs) {
    if (__libc_single_threaded == 0) return refs.fetch_sub(1, std::memory_order_acq_rel) - 1;
    const std::uint32_t left = refs.load(std::memory_order_relaxed) - 1;
    refs.store(left, std::memory_order_relaxed);
    return left;
  }
  Rep* rep_ = nullptr;
};

}  // namespace progressd
