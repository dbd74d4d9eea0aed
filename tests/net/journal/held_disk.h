// A disk whose calls wait while a test holds it.
#pragma once

#include <condition_variable>
#include <mutex>

#include "tests/core/journal/memory_disk.h"

namespace progressd::testing {

class HeldDisk {
 public:
  HeldDisk() : disk("held") {
    disk.before_each = [this] {
      std::unique_lock lock(mutex_);
      free_.wait(lock, [this] { return !held_; });
    };
  }
  void hold(bool held) {
    const std::unique_lock lock(mutex_);
    held_ = held;
    free_.notify_all();
  }
  MemoryDisk disk;

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool held_ = false;
};

}  // namespace progressd::testing
