// Reads a JSON object that is passed on as it is: every byte of it checked, but nothing taken out
// of it except one field, which is compared with others of its kind.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/json_read.h"
#include "core/base/result.h"

namespace progressd {

struct JsonObject {
  /// On one line, without white space, numbers as they were written. Good as long as
  /// what was read, and until the next read.
  std::string_view text;
  /// The field that was asked for, the last of its name, in a form that is equal for equal values;
  /// empty when it is null or not there.
  std::string field;
};

class JsonObjectReader {
 public:
  JsonObjectReader();
  ~JsonObjectReader();

  /// `text` has kJsonPaddingBytes readable bytes behind it.
  /// Errors: kMalformed, when it is not JSON in UTF-8, or empty; kInvalid, when it is JSON but no
  /// object, takes more than `bytes_max` bytes without its white space, nests too deep, or has a
  /// number beyond 1e308.
  Result<JsonObject> read(std::string_view text, std::string_view field, std::size_t bytes_max);

 private:
  Result<JsonObject> read_slowly(std::string_view text, std::string_view field,
                                 std::size_t bytes_max);

  struct Parser;
  std::unique_ptr<Parser> parser_;
  JsonReader reader_;
  std::string text_;
};

}  // namespace progressd
