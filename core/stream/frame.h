// A frame: the bytes of one event in one encoding, immutable, shared by every reader of it.
//
//   ┌ Rep ────────────────────────┬ bytes ─────────────────────────────────┐
//   │ refs  size  sequence  topic │ 9b\r\n event: …\nid: …\ndata: …\n\n \r\n │  one allocation
//   └─────────────────────────────┴────────────────────────────────────────┘
//
// A frame of a compressed stream ends with what it adds to the stream's sum (gzip.h), which is not
// among its bytes.
//
// Thread: the loop's; the count is a plain integer because frames never leave it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "core/stream/event_id.h"
#include "core/stream/gzip.h"

namespace progressd {

/// Who a frame is about, for conflation: unique among all topics of this process. 0: nobody.
using TopicId = std::uint64_t;

class FrameRef {
 public:
  struct About {
    TopicId topic = 0;
    Sequence sequence = 0;     // of its event; 0 when it has none
    bool conflatable = false;  // a newer progress frame of the topic may take its place
    bool progress = false;     // it may take the place of an older conflatable one
    bool has_sum = false;      // its bytes are a block of gzip
    std::uint32_t events = 1;  // that it tells, the last with that sequence
  };

  FrameRef() = default;
  /// The parts one after another, copied once.
  FrameRef(std::initializer_list<std::string_view> parts, const About& about);
  /// In a compressed stream.
  FrameRef(std::initializer_list<std::string_view> parts, const About& about, const BlockSum& sum);
  explicit FrameRef(std::string_view bytes) : FrameRef({bytes}, About{}) {}
  FrameRef(const FrameRef& other) noexcept : rep_(other.rep_) {
    if (rep_ != nullptr) ++rep_->refs;
  }
  FrameRef(FrameRef&& other) noexcept : rep_(std::exchange(other.rep_, nullptr)) {}
  FrameRef& operator=(FrameRef other) noexcept {
    std::swap(rep_, other.rep_);
    return *this;
  }
  ~FrameRef() {
    if (rep_ != nullptr && --rep_->refs == 0) ::operator delete(rep_);
  }

  bool is_null() const { return rep_ == nullptr; }
  std::string_view bytes() const { return {reinterpret_cast<const char*>(rep_ + 1), rep_->size}; }
  const About& about() const { return rep_->about; }
  std::uint32_t events() const { return rep_->about.sequence == 0 ? 0 : rep_->about.events; }
  /// What it adds to the sum of its stream; nothing where its bytes are no block of gzip.
  BlockSum sum() const;
  bool is_same(const FrameRef& other) const { return rep_ == other.rep_; }

 private:
  struct Rep {
    std::uint32_t refs;
    std::uint32_t size;
    About about;
  };

  /// `more` bytes behind the parts are left for the caller. Returns where they begin.
  char* make(std::initializer_list<std::string_view> parts, const About& about, std::size_t more);

  Rep* rep_ = nullptr;
};

}  // namespace progressd
