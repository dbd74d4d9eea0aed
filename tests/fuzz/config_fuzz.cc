// The command line, the environment and a config file. Holds: nothing but a config or a reason with
// exit status 0 or 2 comes of them; a config that was taken keeps what is promised of each bound.
//
//   input   lines: `PROGRESSD_…=VALUE` for the environment, `toml:…` one of the config file,
//           anything else an argument
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/ensure.h"
#include "net/config.h"
#include "net/http/listening_socket.h"
#include "tests/fuzz/support/choices.h"

namespace progressd::fuzz {
namespace {

constexpr std::string_view kEnvironmentPrefix = "PROGRESSD_";
constexpr std::string_view kFilePrefix = "toml:";
/// Of one input; CLI11 takes longer for each.
constexpr std::size_t kGivenMax = 40;

/// What a user gives the program.
struct Given {
  std::vector<std::string> arguments{"progressd"};
  std::string file;  // none when empty
  std::vector<std::pair<std::string, std::string>> environment;
};

Given given_in(std::string_view bytes) {
  Given given;
  Choices input(bytes);
  for (std::size_t i = 0; i < kGivenMax && !input.done(); ++i) {
    std::string line(input.line());
    if (line.starts_with(kFilePrefix)) {
      given.file.append(line, kFilePrefix.size()).push_back('\n');
      continue;
    }
    line.resize(std::min(line.find('\0'), line.size()));  // as the kernel hands it on
    const std::size_t equals = line.find('=');
    if (line.starts_with(kEnvironmentPrefix) && equals != std::string::npos) {
      given.environment.emplace_back(line.substr(0, equals), line.substr(equals + 1));
    } else {
      given.arguments.push_back(std::move(line));
    }
  }
  return given;
}

/// A file that is only in memory, for as long as this lives.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view text) : fd_(memfd_create("config", MFD_CLOEXEC)) {
    ENSURE(fd_ >= 0);
    ENSURE(write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

std::variant<Config, ConfigExit> read(const Given& given) {
  for (const auto& [name, value] : given.environment) {
    ENSURE(setenv(name.c_str(), value.c_str(), 1) == 0);
  }
  std::vector<const char*> argv;
  for (const std::string& argument : given.arguments) argv.push_back(argument.c_str());
  std::optional<MemoryFile> file;
  std::string file_flag;
  if (!given.file.empty()) {
    file_flag = "--config=" + file.emplace(given.file).path();
    argv.push_back(file_flag.c_str());
  }
  auto config = read_config(static_cast<int>(argv.size()), argv.data());
  for (const auto& [name, value] : given.environment) unsetenv(name.c_str());
  return config;
}

void check(const Config& config) {
  for (const std::string& address : config.listen) {
    const Result<bool> loopback = is_loopback(address);
    ENSURE(loopback.has_value());
    ENSURE(*loopback || config.insecure || config.access.keys);
  }
  ENSURE(config.journal == "memory:");
  ENSURE(config.streams.keepalive_ms > 0 && config.retain_channels_ms > 0);
  ENSURE(config.demo_jobs.fail_rate >= 0 && config.demo_jobs.fail_rate <= 1);
  ENSURE(config.demo_jobs.duration_ms >= kDemoMsMin && config.demo_jobs.duration_ms <= kDemoMsMax);
  for (const ConfigLimit& limit : limits_of(config)) ENSURE(limit.value >= 0);
  const Config used = in_force(config);
  ENSURE(used.http.limits.header_bytes_max > 0 && used.http.limits.headers_max > 0);
  ENSURE(used.http.limits.url_bytes_max > 0 && used.http.limits.body_bytes_max > 0);
  ENSURE(used.jobs.jobs_max > 0 && used.channels.channels_max > 0);
  ENSURE(used.http.header_timeout_ms > 0 && used.http.idle_timeout_ms > 0);
}

/// A key file's path may name what can't be read to its end, or waits for somebody to write.
bool names_a_device(std::string_view bytes) {
  for (const std::string_view folder : {"dev", "proc", "sys"}) {
    if (bytes.find(folder) != std::string_view::npos) return true;
  }
  return false;
}

int run(std::string_view bytes) {
  if (names_a_device(bytes)) return -1;
  const Given given = given_in(bytes);
  const auto config = read(given);
  if (const auto* exit = std::get_if<ConfigExit>(&config)) {
    ENSURE(exit->status == 0 || exit->status == 2);
    ENSURE(!exit->text.empty() && exit->text.back() == '\n');
    return 0;
  }
  check(std::get<Config>(config));
  return 0;
}

}  // namespace
}  // namespace progressd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  return progressd::fuzz::run({reinterpret_cast<const char*>(bytes), size});
}
