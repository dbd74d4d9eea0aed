// Why: the text of a stream that came compressed with gzip, as soon as its bytes are there.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

struct z_stream_s;  // NOLINT(readability-identifier-naming): zlib's

namespace sseload {

/// One stream's decoder: about 40 KiB, which is zlib's.
class Inflater {
 public:
  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Appends what the bytes hold. False: they are no gzip, or stand behind its end.
  bool inflate(const char* bytes, std::size_t count, std::string& text);
  /// The trailer has come, and its sum was right.
  bool is_over() const { return is_over_; }

 private:
  std::unique_ptr<z_stream_s> zlib_;
  bool is_over_ = false;
};

}  // namespace sseload
