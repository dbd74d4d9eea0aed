// progressctl: the command line of progressd.
#include <clocale>

#include "tools/progressctl/cli.h"

int main(int argc, char** argv) {
  std::setlocale(LC_CTYPE, "");  // how wide a character is, and whether it can be shown
  progressd::ctl::Cli cli;
  add_run(cli);
  add_watch(cli);
  add_report(cli);
  add_list(cli);
  add_cancel(cli);
  add_top(cli);
  add_token(cli);
  add_check_token(cli);
  add_backup(cli);
  add_bench(cli);
  add_reference(cli);
  return cli.run(argc, argv);
}
