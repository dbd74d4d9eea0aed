#include "text_template.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace sseload {

bool TextTemplate::read_placeholder(std::string_view text, Piece& piece, size_t& length) {
  static constexpr std::array<std::pair<std::string_view, Field>, 5> kKnown{
      {{"{i}", Field::kI},
       {"{seq}", Field::kSeq},
       {"{iseq}", Field::kIseq},
       {"{now_ns}", Field::kNowNs},
       {"{now_us}", Field::kNowUs}}};
  for (const auto& [name, field] : kKnown) {
    if (!text.starts_with(name)) continue;
    piece = Piece{field, 1, {}};
    length = name.size();
    return true;
  }
  if (!text.starts_with("{i%")) return false;
  std::uint64_t modulus = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, code] = std::from_chars(text.data() + 3, end, modulus);
  if (code != std::errc() || rest == end || *rest != '}' || modulus == 0) return false;
  piece = Piece{Field::kIModulo, modulus, {}};
  length = static_cast<size_t>(rest - text.data()) + 1;
  return true;
}

TextTemplate::TextTemplate(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    Piece piece{};
    size_t length = 0;
    if (!read_placeholder(text, piece, length)) {
      plain.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    if (!plain.empty()) pieces_.push_back(Piece{Field::kText, 1, std::exchange(plain, {})});
    pieces_.push_back(std::move(piece));
    text.remove_prefix(length);
  }
  if (!plain.empty()) pieces_.push_back(Piece{Field::kText, 1, std::move(plain)});
}

void TextTemplate::append_to(std::string& out, const TemplateValues& values) const {
  const auto append_number = [&out](std::uint64_t number) {
    const fmt::format_int digits(number);
    out.append(digits.data(), digits.size());
  };
  for (const Piece& piece : pieces_) {
    switch (piece.field) {
      case Field::kText:
        out.append(piece.text);
        break;
      case Field::kI:
        append_number(values.i);
        break;
      case Field::kIModulo:
        append_number(values.i % piece.modulus);
        break;
      case Field::kSeq:
        append_number(values.seq);
        break;
      case Field::kIseq:
        append_number(values.iseq);
        break;
      case Field::kNowNs:
        append_number(static_cast<std::uint64_t>(values.stamp_ns));
        break;
      case Field::kNowUs:
        append_number(static_cast<std::uint64_t>(values.stamp_ns / kMicrosecond));
        break;
    }
  }
}

std::string TextTemplate::fill(const TemplateValues& values) const {
  std::string out;
  append_to(out, values);
  return out;
}

}  // namespace sseload
