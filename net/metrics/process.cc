#include "net/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace progressd {
namespace {

struct Memory {
  std::int64_t virtual_bytes = 0;
  std::int64_t resident_bytes = 0;
};

Memory memory() {
  std::ifstream statm("/proc/self/statm");
  Memory pages;
  statm >> pages.virtual_bytes >> pages.resident_bytes;
  const std::int64_t page = sysconf(_SC_PAGESIZE);
  return {pages.virtual_bytes * page, pages.resident_bytes * page};
}

/// When the machine started, in seconds since 1970.
double boot_seconds() {
  std::ifstream stat("/proc/stat");
  for (std::string word; stat >> word;) {
    double seconds = 0;
    if (word == "btime" && stat >> seconds) return seconds;
  }
  return 0;
}

/// The numbers of /proc/self/stat after the program's name, which may hold anything.
struct Times {
  double cpu_seconds = 0;
  double started_after_boot = 0;
};

Times times() {
  constexpr int kUserTime = 14;  // proc(5) counts fields from 1, the name is the second
  constexpr int kSystemTime = 15;
  constexpr int kStartTime = 22;
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::istringstream fields(line.substr(std::min(line.rfind(')') + 1, line.size())));
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  Times times;
  std::string field;
  for (int number = 3; fields >> field; ++number) {
    if (number == kUserTime || number == kSystemTime) times.cpu_seconds += std::stod(field) / ticks;
    if (number == kStartTime) times.started_after_boot = std::stod(field) / ticks;
  }
  return times;
}

}  // namespace

std::int64_t resident_bytes() { return memory().resident_bytes; }

ProcessFigures process_figures() {
  const Memory bytes = memory();
  const Times seconds = times();
  ProcessFigures figures;
  figures.cpu_seconds = seconds.cpu_seconds;
  figures.started_at = boot_seconds() + seconds.started_after_boot;
  figures.resident_bytes = bytes.resident_bytes;
  figures.virtual_bytes = bytes.virtual_bytes;
  std::error_code none;  // one without /proc has no descriptors to count
  const std::filesystem::directory_iterator open("/proc/self/fd", none);
  figures.descriptors = std::distance(begin(open), std::filesystem::directory_iterator());
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    figures.descriptors_max = static_cast<std::int64_t>(limit.rlim_cur);
  }
  return figures;
}

}  // namespace progressd
