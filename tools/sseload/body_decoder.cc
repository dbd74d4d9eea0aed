#include "body_decoder.h"

#include <algorithm>
#include <cstring>

namespace sseload {
namespace {

using Phase = BodyState::Phase;

constexpr std::uint8_t kSizeDigitsMax = 15;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Phase step_size(BodyState& state, char c) {
  const int digit = hex_value(c);
  if (digit >= 0) {
    if (++state.size_digits > kSizeDigitsMax) return Phase::kBad;
    state.left = state.left * 16 + static_cast<std::uint64_t>(digit);
    return Phase::kSize;
  }
  if (state.size_digits == 0) return Phase::kBad;
  if (c == '\r') return Phase::kSizeLf;
  return c == ';' || c == ' ' || c == '\t' ? Phase::kExtension : Phase::kBad;
}

/// One byte of framing; payload bytes never come here.
Phase step_framing(BodyState& state, char c) {
  switch (state.phase) {
    case Phase::kSize:
      return step_size(state, c);
    case Phase::kExtension:
      if (c == '\r') return Phase::kSizeLf;
      return c == '\n' ? Phase::kBad : Phase::kExtension;
    case Phase::kSizeLf:
      if (c != '\n') return Phase::kBad;
      state.size_digits = 0;
      return state.left == 0 ? Phase::kTrailerStart : Phase::kBytes;
    case Phase::kBytesCr:
      return c == '\r' ? Phase::kBytesLf : Phase::kBad;
    case Phase::kBytesLf:
      return c == '\n' ? Phase::kSize : Phase::kBad;
    case Phase::kTrailerStart:
      return c == '\r' ? Phase::kLastLf : Phase::kTrailer;
    case Phase::kTrailer:
      return c == '\r' ? Phase::kTrailerLf : Phase::kTrailer;
    case Phase::kTrailerLf:
      return c == '\n' ? Phase::kTrailerStart : Phase::kBad;
    case Phase::kLastLf:
      return c == '\n' ? Phase::kDone : Phase::kBad;
    case Phase::kBytes:
    case Phase::kDone:
    case Phase::kBad:
      break;
  }
  return Phase::kBad;
}

}  // namespace

Decoded decode_body(BodyState& state, const char* wire, std::size_t wire_bytes, char* body) {
  std::size_t used = 0;
  std::size_t made = 0;
  while (used < wire_bytes && !state.is_done() && !state.is_bad()) {
    if (state.phase != Phase::kBytes) {
      state.phase = step_framing(state, wire[used++]);
      continue;
    }
    std::size_t run = wire_bytes - used;
    if (state.framing != BodyState::Framing::kUntilClose) {
      run = static_cast<std::size_t>(std::min<std::uint64_t>(run, state.left));
      state.left -= run;
    }
    if (body + made != wire + used) std::memmove(body + made, wire + used, run);
    used += run;
    made += run;
    if (state.framing == BodyState::Framing::kUntilClose || state.left > 0) continue;
    state.phase = state.framing == BodyState::Framing::kChunked ? Phase::kBytesCr : Phase::kDone;
  }
  return {used, made};
}

}  // namespace sseload
