#include "net/uv/loop.h"

#include "core/base/ensure.h"

namespace progressd {

Loop::Loop() { ENSURE(uv_loop_init(&loop_) == 0); }

Loop::~Loop() {
  // What is closing, and work on other threads that was begun, ends here.
  while (uv_run(&loop_, UV_RUN_DEFAULT) != 0) {
  }
  ENSURE(uv_loop_close(&loop_) == 0);
}

void Loop::run() { uv_run(&loop_, UV_RUN_DEFAULT); }

}  // namespace progressd
