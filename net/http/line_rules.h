// How the lines of a request must stand, looked at before llhttp reads them. RFC 9112 tells servers
// to refuse what some forgive, since two programs that forgive differently see different requests
// in the same bytes (request smuggling). The packaged llhttp forgives a folded value, an empty line
// that is LF alone, several spaces in the request line, other protocols, chunk sizes and extensions
// of any length.
//
//   request line CRLF · fields CRLF · empty line │ body │ size CRLF data CRLF size CRLF data … │
//   trailers
//                                                         └ llhttp is handed a line at a time
//
// It is given the bytes in pieces of any size, and never those of a body. Thread: any; it holds no
// bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace progressd {

class LineRules {
 public:
  /// What a request's chunk sizes may take beyond 8 digits each: zeros and extensions, of
  /// which no client makes use.
  static constexpr std::size_t kChunkExtraBytesMax = 1024;

  /// A broken rule, and what to answer; status 0: none is.
  struct Fault {
    int status = 0;
    std::string_view detail;
  };

  /// `head_bytes_max`: of the request line, the fields and the trailers together. It may change
  /// meanwhile, and is in force at once.
  explicit LineRules(const std::size_t& head_bytes_max) : head_bytes_max_(head_bytes_max) {}

  /// A request begins.
  void begin();
  /// The next line is a chunk's size, or the end of the chunk before it.
  void begin_chunks() { kind_ = Kind::kChunkSize; }
  /// The next line is a trailer, or the end of the request.
  void begin_trailers() {
    kind_ = Kind::kField;
    is_whole_ = false;
  }

  /// How many of these bytes are good to be parsed: up to the end of the header or of a chunk's
  /// size, or up to a byte that breaks a rule, which fault() then tells.
  std::size_t check(std::string_view bytes);
  const Fault& fault() const { return fault_; }

 private:
  enum class Kind : std::uint8_t { kRequestLine, kField, kChunkSize };

  std::size_t check_head(std::string_view bytes);
  std::size_t check_request_line(std::string_view text);
  /// The words of a request line, up to a CR.
  std::size_t check_words(std::string_view text);
  std::size_t check_chunk_size(std::string_view bytes);
  std::size_t refuse(std::size_t at, int status, std::string_view detail);

  const std::size_t& head_bytes_max_;
  std::size_t head_bytes_ = 0;
  std::size_t line_bytes_ = 0;         // of this line so far
  std::size_t chunk_extra_bytes_ = 0;  // of the request
  Fault fault_;
  Kind kind_ = Kind::kRequestLine;
  bool after_cr_ = false;            // the last byte was one
  bool is_whole_ = false;            // the header, or the trailers: an empty line has come
  bool after_space_ = false;         // in the request line
  std::uint8_t spaces_ = 0;          // in the request line
  std::uint8_t protocol_bytes_ = 0;  // of `HTTP/` behind them
};

}  // namespace progressd
