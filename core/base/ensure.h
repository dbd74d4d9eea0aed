// What cannot happen unless we are wrong. On in every build: a wrong state is worth less than a
// crash with its line. Never used on bytes from outside.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace progressd::detail {

[[noreturn]] inline void ensure_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: ENSURE(%s) failed\n", file, line, condition);
  std::abort();
}

}  // namespace progressd::detail

#define ENSURE(condition) \
  ((condition) ? void() : ::progressd::detail::ensure_failed(#condition, __FILE__, __LINE__))
