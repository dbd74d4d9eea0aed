#include "tools/progressctl/reference.h"

#include <gtest/gtest.h>

namespace progressd::ctl {
namespace {

constexpr std::string_view kHelp =
    "prog: does things\n"
    "More of that.\n"
    "\n"
    "Usage: prog [OPTIONS] [FILE] SUBCOMMAND\n"
    "\n"
    "Positionals:\n"
    "  FILE                   What to do them with\n"
    "\n"
    "Options:\n"
    "  -h,--help              Print this help message and exit\n"
    "  --where ADDRESS:PORT=127.0.0.1:8080 ... (Env:PROG_WHERE)\n"
    "                         Where to be\n"
    "  --how MODE:{fast,slow} REQUIRED\n"
    "                         In which way\n"
    "  -q,--quiet (Env:PROG_QUIET)\n"
    "                         Say nothing\n"
    "  --twenty1 NUMBER=5     Exactly up to the column\n"
    "\n"
    "\n"
    "More:\n"
    "  --secret PATH          It's 'quoted' [and] more: \\\n"
    "\n"
    "Subcommands:\n"
    "  go                     Goes\n"
    "\n"
    "A footer. Examples:\n"
    "  10 things: prog go\n";

Reference reference() {
  const Result<Reference> read = read_reference("prog", [](const auto& words) {
    return Result<std::string>(words.empty() ? std::string(kHelp)
                                             : "Goes\nUsage: prog go [OPTIONS]\n\nOptions:\n"
                                               "  -h,--help              Print\n"
                                               "  --far                  .dots stay\n");
  });
  EXPECT_TRUE(read) << read.error().detail;
  return read.value_or(Reference{});
}

TEST(Reference, ReadsWhatHelpSays) {
  const Reference prog = reference();
  EXPECT_EQ(prog.description, "prog: does things\nMore of that.");
  EXPECT_EQ(prog.usage, "prog [OPTIONS] [FILE] SUBCOMMAND");
  EXPECT_EQ(prog.footer, "A footer. Examples:\n  10 things: prog go");
  ASSERT_EQ(prog.positionals.size(), 1u);
  EXPECT_EQ(prog.positionals[0].names.front(), "FILE");
  ASSERT_EQ(prog.groups.size(), 2u);
  const std::vector<ReferenceItem>& items = prog.groups[0].items;
  ASSERT_EQ(items.size(), 5u);
  EXPECT_EQ(items[0].names, (std::vector<std::string>{"-h", "--help"}));
  EXPECT_EQ(items[1].value, "ADDRESS:PORT");
  EXPECT_EQ(items[1].default_text, "127.0.0.1:8080");
  EXPECT_EQ(items[1].variable, "PROG_WHERE");
  EXPECT_EQ(items[1].help, "Where to be");
  EXPECT_EQ(items[2].choices, (std::vector<std::string>{"fast", "slow"}));
  EXPECT_TRUE(items[2].is_required);
  EXPECT_EQ(items[3].value, "");
  EXPECT_EQ(items[4].default_text, "5");
  ASSERT_EQ(prog.commands.size(), 1u);
  EXPECT_EQ(prog.commands[0].name, "go");
  EXPECT_EQ(prog.commands[0].groups[0].items[1].names.front(), "--far");
}

TEST(Reference, ManPageHasNoAccidentalCommands) {
  const std::string page = man_page(reference());
  EXPECT_NE(page.find(".TH \"PROG\" 1"), std::string::npos);
  EXPECT_NE(page.find("prog \\- does things\n"), std::string::npos);
  EXPECT_NE(page.find("\\&.dots stay"), std::string::npos);
  EXPECT_NE(page.find("It\\(aqs \\(aqquoted\\(aq [and] more: \\e"), std::string::npos);
  EXPECT_NE(page.find("(one of fast, slow; required)"), std::string::npos);
}

TEST(Reference, CompletionsQuoteWhatHelpSays) {
  EXPECT_NE(zsh_completion(reference())
                .find(R"('--secret[It'\''s '\''quoted'\'' \[and\] more: \\]:PATH:_files')"),
            std::string::npos);
  EXPECT_NE(fish_completion(reference()).find(R"(-rF -d 'It\'s \'quoted\' [and] more: \\')"),
            std::string::npos);
  EXPECT_NE(bash_completion(reference()).find("*:--how)"), std::string::npos);
}

TEST(Reference, WhatIsNoHelpIsRefused) {
  for (const char* text : {"", "Usage: prog", "Hello\nOptions:\n  -h,--help  x\n"}) {
    EXPECT_FALSE(read_help(text)) << text;
  }
}

}  // namespace
}  // namespace progressd::ctl
