// Passes for one stream each, for an EventSource, which can't send headers.
#pragma once

#include "core/base/json_read.h"
#include "core/jobs/job_table.h"
#include "net/access/gate.h"
#include "net/http/router.h"

namespace progressd {

class TicketApi {
 public:
  TicketApi(Gate& gate, const JobTable& jobs) : gate_(gate), jobs_(jobs) {}

  void add_routes(Router& router);

 private:
  void issue(const Request& request, const Responder& responder);

  Gate& gate_;
  const JobTable& jobs_;
  JsonReader reader_;
};

}  // namespace progressd
