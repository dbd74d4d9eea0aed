// Why: what may go wrong (a bad flag, a name that does not resolve) travels as a value; this tool
//      throws nothing.
#pragma once

#include <optional>
#include <string>
#include <utility>

namespace sseload {

/// `detail` names the flag or the field, and what to change about it.
struct Error {
  std::string detail;
};

/// Either one; `T` has a default value. Look before taking: value() of an error is that default.
template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return Error{…};` are the point
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::move(error)) {}
  // NOLINTEND(google-explicit-constructor)

  explicit operator bool() const { return !error_; }
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }
  /// Empty where there is none.
  const Error& error() const { return error_ ? *error_ : kNone; }

 private:
  inline static const Error kNone{};
  T value_{};
  std::optional<Error> error_;
};

}  // namespace sseload
