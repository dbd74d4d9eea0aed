// A request as the parser would hand it on, without the bytes around it; and the answer to one.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "core/base/ensure.h"
#include "core/base/json_read.h"
#include "net/http/request.h"
#include "net/http/responder.h"

namespace progressd::fuzz {

inline void add_header(Request& request, std::string_view name, std::string_view value) {
  request.append_field_name(name);
  request.append_field_value(value);
  request.end_field();
}

inline void set_body(Request& request, std::string_view body) {
  request.body.reserve(body.size() + kJsonPaddingBytes);
  request.body.assign(body);
}

/// Takes the one answer to a request.
class AnswerTaker final : public ResponseCarrier {
 public:
  Framing framing(ConnectionId) const override { return Framing::kChunked; }
  void reply(ConnectionId, Response response) override {
    ENSURE(!answer_);
    answer_ = std::move(response);
  }
  bool stream(ConnectionId, StreamStart) override {
    ENSURE(false);
    return false;
  }

  const Response& answer() const {
    ENSURE(answer_.has_value());
    return *answer_;
  }

 private:
  std::optional<Response> answer_;
};

}  // namespace progressd::fuzz
