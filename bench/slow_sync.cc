// Makes a disk of a known speed out of one that is not: loaded before a program with LD_PRELOAD,
// each fsync() and fdatasync() of it takes PROGRESSD_SYNC_US microseconds more.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>

namespace {

int slowly(const char* name, int fd) {
  static const auto wait_us = [] {
    const char* const text = std::getenv("PROGRESSD_SYNC_US");
    return static_cast<useconds_t>(text == nullptr ? 0 : std::strtoul(text, nullptr, 10));
  }();
  usleep(wait_us);
  using Sync = int (*)(int);
  return reinterpret_cast<Sync>(dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" int fsync(int fd) { return slowly("fsync", fd); }
extern "C" int fdatasync(int fd) { return slowly("fdatasync", fd); }
