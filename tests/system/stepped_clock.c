/* Preloaded into a server: its wall clock is the machine's plus as many nanoseconds as stand in the
   file that STEPPED_CLOCK names, an int64 which a test writes at any time. The monotonic clocks stay
   as they are, as when somebody sets a machine's clock. System calls are made without the C library,
   which a sanitizer may not have set up yet. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t kNsPerSecond = 1000000000;

static int64_t offset_ns(void) {
  static _Atomic(volatile int64_t*) mapped;
  volatile int64_t* offset = mapped;
  if (offset == NULL) {
    const char* path = getenv("STEPPED_CLOCK");
    if (path == NULL) return 0;
    const long fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    offset = (volatile int64_t*)syscall(SYS_mmap, NULL, sizeof *offset, PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    mapped = offset;
  }
  return *offset;
}

int clock_gettime(clockid_t clock, struct timespec* time) {
  const int failed = (int)syscall(SYS_clock_gettime, clock, time);
  if (failed || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return failed;
  const int64_t ns = time->tv_sec * kNsPerSecond + time->tv_nsec + offset_ns();
  time->tv_sec = ns / kNsPerSecond;
  time->tv_nsec = ns % kNsPerSecond;
  return 0;
}

int gettimeofday(struct timeval* restrict time, void* restrict zone) {
  (void)zone;
  struct timespec now;
  const int failed = clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return failed;
}

time_t time(time_t* seconds) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (seconds != NULL) *seconds = now.tv_sec;
  return now.tv_sec;
}
