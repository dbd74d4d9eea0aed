// Why: paths, headers and bodies differ per connection and per event only in a few numbers. A
//      template is cut into pieces once; filling it in is appending, with no allocation once the
//      output has its capacity.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "clock.h"

namespace sseload {

struct TemplateValues {
  std::uint64_t i = 0;       ///< number of the connection or of the publish target
  std::uint64_t seq = 0;     ///< of the event among all
  std::uint64_t iseq = 0;    ///< of the event among those for target `i`
  Nanoseconds stamp_ns = 0;  ///< monotonic
};

class TextTemplate {
 public:
  TextTemplate() = default;
  /// Known: {i} {i%K} {seq} {iseq} {now_ns} {now_us}. Any other brace is text, since bodies are
  /// mostly JSON.
  explicit TextTemplate(std::string_view text);

  void append_to(std::string& out, const TemplateValues& values) const;
  std::string fill(const TemplateValues& values) const;
  bool empty() const { return pieces_.empty(); }

 private:
  enum class Field : std::uint8_t { kText, kI, kIModulo, kSeq, kIseq, kNowNs, kNowUs };
  struct Piece {
    Field field;
    std::uint64_t modulus;
    std::string text;
  };
  static bool read_placeholder(std::string_view text, Piece& piece, size_t& length);

  std::vector<Piece> pieces_;
};

}  // namespace sseload
