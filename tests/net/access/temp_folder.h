// A folder for a test's files, gone with it.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/base/ensure.h"

namespace progressd::testing {

class TempFolder {
 public:
  TempFolder() : path_(std::filesystem::temp_directory_path() / "progressd_test_XXXXXX") {
    std::string name = path_.string();
    ENSURE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(std::string_view name) const { return (path_ / name).string(); }
  /// Writes the file in one step, in place of an older one. Returns its path.
  std::string write(std::string_view name, std::string_view bytes) const {
    const std::string unfinished = path("unfinished");
    std::ofstream(unfinished, std::ios::binary) << bytes;
    std::filesystem::rename(unfinished, path(name));
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace progressd::testing
