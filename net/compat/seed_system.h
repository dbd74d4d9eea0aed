// A seed system: a program that was there before this server, and whose clients work against it
// unmodified. Each is a route table and an encoder; README.md says how to add one.
#pragma once

#include "net/http/router.h"

namespace progressd {

class SeedSystem {
 public:
  virtual ~SeedSystem() = default;
  virtual void add_routes(Router& router) = 0;
};

}  // namespace progressd
