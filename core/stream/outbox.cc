#include "core/stream/outbox.h"

#include <utility>

#include "core/base/ensure.h"

namespace progressd {
namespace {

/// So many gaps are left in the queue before it is worth taking them out.
constexpr std::size_t kNullsKept = 32;

}  // namespace

std::size_t Outbox::push(FrameRef frame) {
  const FrameRef::About about = frame.about();
  const std::size_t position = first_ + frames_.size();
  bytes_ += frame.bytes().size();
  frames_.push_back(std::move(frame));
  if (!about.progress) return 0;

  std::size_t replaced = 0;
  if (const auto older = conflatable_.find(about.topic); older != conflatable_.end()) {
    FrameRef& slot = frames_[older->second - first_];
    const bool begun = older->second == first_ && offset_ > 0;
    if (!begun) {
      bytes_ -= slot.bytes().size();
      slot = FrameRef();
      ++nulls_;
      replaced = 1;
    }
    if (about.conflatable) {
      older->second = position;
    } else {
      conflatable_.erase(older);
    }
  } else if (about.conflatable) {
    conflatable_.emplace(about.topic, position);
  }
  if (nulls_ > kNullsKept && nulls_ > frames_.size() / 2) compact();
  return replaced;
}

std::size_t Outbox::gather(std::span<std::string_view> room) const {
  std::size_t filled = 0;
  std::size_t skip = offset_;
  for (const FrameRef& frame : frames_) {
    if (filled == room.size()) break;
    if (frame.is_null()) continue;
    room[filled++] = frame.bytes().substr(skip);
    skip = 0;
  }
  return filled;
}

std::size_t Outbox::consume(std::size_t sent, GzipSum* sum) {
  ENSURE(sent <= bytes_);
  bytes_ -= sent;
  std::size_t ended = 0;
  while (!frames_.empty()) {
    FrameRef& front = frames_.front();
    if (front.is_null()) {
      --nulls_;
    } else {
      const std::size_t left = front.bytes().size() - offset_;
      if (sent < left) {
        offset_ += sent;
        break;
      }
      sent -= left;
      offset_ = 0;
      const FrameRef::About& about = front.about();
      if (about.sequence != 0) {
        sent_through_ = about.sequence;
        ended += about.events;
      }
      if (sum != nullptr) sum->add(front.sum());
      if (about.conflatable) {
        const auto entry = conflatable_.find(about.topic);
        if (entry != conflatable_.end() && entry->second == first_) conflatable_.erase(entry);
      }
    }
    frames_.pop_front();
    ++first_;
  }
  return ended;
}

void Outbox::add_rest_to(GzipSum& sum) const {
  for (const FrameRef& frame : frames_) {
    if (!frame.is_null()) sum.add(frame.sum());
  }
}

void Outbox::compact() {
  // The front may be partly sent: offset_ stays its offset because nulls never have one.
  std::deque<FrameRef> kept;
  conflatable_.clear();
  for (FrameRef& frame : frames_) {
    if (frame.is_null()) continue;
    if (frame.about().conflatable) conflatable_[frame.about().topic] = first_ + kept.size();
    kept.push_back(std::move(frame));
  }
  frames_ = std::move(kept);
  nulls_ = 0;
}

}  // namespace progressd
