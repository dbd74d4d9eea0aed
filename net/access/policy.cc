#include "net/access/policy.h"

namespace progressd {
namespace {

bool is_or_administers(const Caller& caller, std::string_view user) {
  return caller.administers || caller.user == user;
}

}  // namespace

bool may_see(const Caller& caller, const Job& job) {
  return is_or_administers(caller, job.spec.owner) ||
         (caller.reports && job.spec.runner == Runner::kExternal);
}

bool may_report(const Caller& caller, const Job& job) {
  return may_report(caller) && may_see(caller, job);
}

bool may_report(const Caller& caller) { return caller.reports || caller.administers; }

bool may_change(const Caller& caller, const Job& job) {
  return is_or_administers(caller, job.spec.owner);
}

bool may_create_for(const Caller& caller, std::string_view owner) {
  return is_or_administers(caller, owner);
}

bool may_list_owner(const Caller& caller, std::string_view owner) {
  return is_or_administers(caller, owner);
}

bool may_follow_channel(const Caller& caller, std::string_view user) {
  return is_or_administers(caller, user);
}

bool may_post_to_channel(const Caller& caller) { return caller.reports || caller.administers; }

bool may_operate(const Caller& caller) { return caller.administers; }

}  // namespace progressd
