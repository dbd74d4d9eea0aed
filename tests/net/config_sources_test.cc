// The config file, the environment and the command line: which of them counts, and what is said of
// a slip in one of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "net/config.h"
#include "net/config_file.h"
#include "tests/net/access/temp_folder.h"

namespace progressd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A variable of this process for as long as a test runs.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) { setenv(name, value, 1); }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

class ConfigFile : public ::testing::Test {
 protected:
  std::variant<Config, ConfigExit> read(const std::vector<std::string>& arguments) {
    std::vector<const char*> argv{"progressd"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return read_config(static_cast<int>(argv.size()), argv.data());
  }
  std::string write(const std::string& text) { return folder_.write("progressd.toml", text); }
  Config config(const std::string& file, std::vector<std::string> arguments = {}) {
    arguments.push_back("--config=" + write(file));
    auto result = read(arguments);
    if (const auto* exit = std::get_if<ConfigExit>(&result)) {
      ADD_FAILURE() << exit->text;
      return {};
    }
    return std::get<Config>(result);
  }
  std::string printed(const std::vector<std::string>& arguments, int status) {
    const auto result = read(arguments);
    const auto* exit = std::get_if<ConfigExit>(&result);
    if (exit == nullptr) return "it would start";
    EXPECT_EQ(exit->status, status) << exit->text;
    return exit->text;
  }
  std::string fault(const std::string& file) { return printed({"--config", write(file)}, 2); }

  const testing::TempFolder folder_;
};

TEST_F(ConfigFile, AMistypedFlagIsToldWhatIsMeant) {
  EXPECT_THAT(printed({"--max-job", "5"}, 2),
              HasSubstr("--max-job: no such flag; did you mean --max-jobs?"));
  EXPECT_THAT(printed({"--nothing-like-it=secret"}, 2),
              HasSubstr("--nothing-like-it: no such flag\n"));
  EXPECT_THAT(printed({"--journal", "journal.sqlite"}, 2),
              HasSubstr("did you mean sqlite:journal.sqlite?"));
}

TEST_F(ConfigFile, ConfigTellsItsUses) {
  EXPECT_THAT(printed({"config", "--help"}, 0), HasSubstr("progressd config show [FLAGS]"));
}

TEST_F(ConfigFile, SaysWhatFlagsSay) {
  const Config read = config(
      "listen = ['127.0.0.1:0', '[::1]:0']\n"
      "max-jobs = 7\n"
      "drain = \"250ms\"\n"
      "demo-fail-rate = 0.5\n"
      "demo = true\n"
      "watch = ['a=http://127.0.0.1:1/s', 'b=http://127.0.0.1:2/s,interval=2s']\n");
  EXPECT_THAT(read.listen, ElementsAre("127.0.0.1:0", "[::1]:0"));
  EXPECT_EQ(read.jobs.jobs_max, 7u);
  EXPECT_EQ(read.drain_ms, 250);
  EXPECT_EQ(read.demo_jobs.fail_rate, 0.5);
  EXPECT_TRUE(read.demo);
  EXPECT_EQ(read.watches.size(), 2u);
  EXPECT_FALSE(config("demo = false\n").demo);
}

TEST_F(ConfigFile, GoesBehindTheEnvironmentAndThatBehindTheCommandLine) {
  const Variable jobs("PROGRESSD_MAX_JOBS", "8");
  EXPECT_EQ(config("max-jobs = 7\nmax-channels = 9").jobs.jobs_max, 8u);
  EXPECT_EQ(config("max-jobs = 7\nmax-channels = 9").channels.channels_max, 9u);
  EXPECT_EQ(config("max-jobs = 7", {"--max-jobs", "9"}).jobs.jobs_max, 9u);
  const Variable listen("PROGRESSD_LISTEN", "127.0.0.1:1,127.0.0.1:2");
  EXPECT_THAT(config("listen = '127.0.0.1:3'").listen, ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
}

TEST_F(ConfigFile, CanBeNamedByTheEnvironment) {
  const std::string path = write("max-jobs = 7");
  const Variable file("PROGRESSD_CONFIG", path.c_str());
  EXPECT_EQ(std::get<Config>(read({})).jobs.jobs_max, 7u);
}

TEST_F(ConfigFile, AnErrorSaysWhereItIs) {
  EXPECT_THAT(fault("max-jobs = 7\nmax-job = 8"),
              HasSubstr("progressd.toml, line 2: 'max-job' is no flag: did you mean max-jobs?"));
  EXPECT_THAT(fault("colour = 'red'"), HasSubstr("'colour' is no flag\n"));
  EXPECT_THAT(fault("config = 'other.toml'"), HasSubstr("'config' is no flag"));
  EXPECT_THAT(fault("\nmax-jobs = 'many'"),
              HasSubstr("--max-jobs: 'many' is no count (it stands in "));
  EXPECT_THAT(fault("\nmax-jobs = 'many'"), HasSubstr("progressd.toml, line 2)"));
  EXPECT_THAT(fault("[limits]\nmax-jobs = 7"), HasSubstr("line 1: limits: must be a text"));
  EXPECT_THAT(fault("max-jobs = 7\nmax-jobs = 8"), HasSubstr("line 2"));
  EXPECT_THAT(fault("max-jobs ="), HasSubstr("progressd.toml, line 1: "));
  EXPECT_THAT(fault("max-jobs = [1, 2]"), HasSubstr("--max-jobs"));
}

TEST_F(ConfigFile, MustBeThere) {
  EXPECT_THAT(printed({"--config", "/nowhere/progressd.toml"}, 2),
              HasSubstr("/nowhere/progressd.toml: can't be read: No such file or directory"));
  EXPECT_THAT(printed({"--config", "/"}, 2), HasSubstr("/: can't be read: "));
  EXPECT_THAT(printed({"--config"}, 2), HasSubstr("--config"));
  EXPECT_THAT(fault(std::string(kConfigFileBytesMax + 1, '\n')), HasSubstr("takes more than"));
}

TEST_F(ConfigFile, ASlipInTheEnvironmentIsFoundAndWhatIsNotOursIsLeftAlone) {
  {
    const Variable slip("PROGRESSD_MAX_JOB", "8");
    EXPECT_THAT(printed({}, 2),
                HasSubstr("PROGRESSD_MAX_JOB is no flag's: did you mean PROGRESSD_MAX_JOBS?"));
  }
  const Variable of_kubernetes("PROGRESSD_SERVICE_HOST", "10.0.0.1");
  const Variable port("PROGRESSD_PORT_8080_TCP", "tcp://10.0.0.1:8080");
  const Variable of_clients("PROGRESSD_URL", "http://127.0.0.1:8080");
  const Variable of_workers("PROGRESSD_TOKEN", "abc");
  EXPECT_TRUE(std::holds_alternative<Config>(read({})));
  const Variable wrong("PROGRESSD_DRAIN", "soon");
  EXPECT_THAT(printed({}, 2), HasSubstr("(it stands in the environment's PROGRESSD_DRAIN)"));
}

TEST_F(ConfigFile, IsCheckedWithoutAStart) {
  const std::string good = write("max-jobs = 7");
  EXPECT_EQ(printed({"config", "check", "--config", good}, 0), "the configuration is good\n");
  EXPECT_THAT(printed({"config", "check", "--drain", "soon"}, 2), HasSubstr("--drain"));
  EXPECT_THAT(printed({"config"}, 2), HasSubstr("check or show"));
  EXPECT_THAT(printed({"config", "print"}, 2), HasSubstr("check or show"));
}

TEST_F(ConfigFile, IsShownWithWhereEachValueComesFrom) {
  const Variable drain("PROGRESSD_DRAIN", "7s");
  const std::string path =
      write("max-jobs = 7\ncors-origin = ['https://a.example', 'https://b.example']");
  const std::string text =
      printed({"config", "show", "--config", path, "--max-channels", "5", "--demo"}, 0);
  const auto line = [&](const std::string& begin) {
    const std::size_t at = ("\n" + text).find("\n" + begin);
    return at == std::string::npos ? "no " + begin : text.substr(at, text.find('\n', at) - at);
  };
  EXPECT_THAT(line("max-jobs = 7 "), HasSubstr("# " + path + ", line 1"));
  EXPECT_THAT(line("drain = \"7s\" "), HasSubstr("# the environment's PROGRESSD_DRAIN"));
  EXPECT_THAT(line("max-channels = 5 "), HasSubstr("# the command line"));
  EXPECT_THAT(line("demo = true "), HasSubstr("# the command line"));
  EXPECT_THAT(line("cors-origin = [\"https://a.example\", \"https://b.example\"] "),
              HasSubstr("line 2"));
  EXPECT_THAT(line("# insecure = false "), HasSubstr("# default"));
  EXPECT_THAT(line("# keepalive = \"15s\" "), HasSubstr("# default"));
}

TEST_F(ConfigFile, WhatIsShownIsAConfigFileAgain) {
  const std::string path = write("max-jobs = 7\nlisten = '127.0.0.1:1'\ndrain = \"1500ms\"");
  const std::string text = printed({"config", "show", "--config", path, "--demo"}, 0);
  const Config again = config(text);
  EXPECT_EQ(again.jobs.jobs_max, 7u);
  EXPECT_THAT(again.listen, ElementsAre("127.0.0.1:1"));
  EXPECT_EQ(again.drain_ms, 1'500);
  EXPECT_TRUE(again.demo);
}

}  // namespace
}  // namespace progressd
