#include "process_stats.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace sseload {
namespace {

/// Empty where it can't be read.
std::string read_file(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char room[4096];
  ssize_t got = 0;
  while ((got = read(fd, room, sizeof room)) > 0) text.append(room, static_cast<std::size_t>(got));
  close(fd);
  return text;
}

std::uint64_t take_number(std::string_view text) {
  const std::size_t start = text.find_first_of("0123456789");
  std::uint64_t number = 0;
  if (start != std::string_view::npos) {
    std::from_chars(text.data() + start, text.data() + text.size(), number);
  }
  return number;
}

/// The value of "\nName:   123 kB", in bytes.
std::uint64_t kilobyte_line(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(fmt::format("\n{}:", name));
  return at == std::string_view::npos ? 0 : take_number(text.substr(at)) * 1024;
}

/// The 14th and 15th word of stat; the second one, in brackets, may hold anything.
Nanoseconds cpu_of(std::string_view stat) {
  const std::size_t bracket = stat.rfind(')');
  if (bracket == std::string_view::npos) return 0;
  stat.remove_prefix(bracket + 1);
  std::uint64_t ticks = 0;
  for (int word = 3; word <= 15; ++word) {
    const std::size_t start = stat.find_first_not_of(' ');
    if (start == std::string_view::npos) return 0;
    stat.remove_prefix(start);
    if (word >= 14) ticks += take_number(stat);
    stat.remove_prefix(std::min(stat.find(' '), stat.size()));
  }
  return static_cast<Nanoseconds>(ticks) * (kSecond / sysconf(_SC_CLK_TCK));
}

Nanoseconds to_ns(const timeval& time) {
  return static_cast<Nanoseconds>(time.tv_sec) * kSecond + time.tv_usec * kMicrosecond;
}

}  // namespace

std::optional<ProcessSample> sample_processes(std::span<const pid_t> pids) {
  const auto cpu = sample_cpu(pids);
  if (!cpu) return std::nullopt;
  ProcessSample sample;
  sample.cpu = *cpu;
  for (const pid_t pid : pids) {
    const std::string memory = read_file(fmt::format("/proc/{}/smaps_rollup", pid));
    if (memory.empty()) return std::nullopt;
    sample.pss_bytes += kilobyte_line(memory, "Pss");
    sample.rss_bytes += kilobyte_line(memory, "Rss");
  }
  return sample;
}

std::optional<CpuSample> sample_cpu(std::span<const pid_t> pids) {
  if (pids.empty()) return std::nullopt;
  CpuSample sample;
  sample.at_ns = now_ns();
  for (const pid_t pid : pids) {
    const std::string stat = read_file(fmt::format("/proc/{}/stat", pid));
    if (stat.empty()) return std::nullopt;
    sample.cpu_ns += cpu_of(stat);
  }
  return sample;
}

KernelMemory sample_kernel_memory() {
  // The first line has none before it.
  const std::string meminfo = "\n" + read_file("/proc/meminfo");
  KernelMemory memory;
  memory.bytes = kilobyte_line(meminfo, "MemTotal");
  for (const char* const other : {"MemFree", "Buffers", "Cached", "AnonPages"}) {
    memory.bytes -= std::min(memory.bytes, kilobyte_line(meminfo, other));
  }
  memory.slab_bytes = kilobyte_line(meminfo, "Slab");
  return memory;
}

OwnTime sample_own_time() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const std::string schedstat = read_file("/proc/self/schedstat");
  const std::size_t space = schedstat.find(' ');
  OwnTime time;
  time.at_ns = now_ns();
  time.cpu_ns = to_ns(usage.ru_utime) + to_ns(usage.ru_stime);
  if (space != std::string::npos) {
    time.waiting_ns =
        static_cast<Nanoseconds>(take_number(std::string_view(schedstat).substr(space)));
  }
  return time;
}

}  // namespace sseload
