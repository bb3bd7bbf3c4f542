/* A wall clock that a story can move: preloaded into each program of the example, it adds the number of seconds that stands
 * in a shared file to CLOCK_REALTIME. The file is named when this is compiled (CLOCK_FILE), as the agent's network part gets
 * next to nothing of its environment, and mapped before main() runs, so that it works behind filters where nothing can be
 * opened. Timeouts and waits use the monotonic clock, which is left alone. For examples and tests only. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *offset;

__attribute__((constructor)) static void map_clock(void) {
    const int file = open(CLOCK_FILE, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *page = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) offset = page;
    close(file);
}

static int64_t moved(clockid_t clock) {
    return offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) ? *offset : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    const long done = syscall(SYS_clock_gettime, clock, now);
    if (done == 0) now->tv_sec += moved(clock);
    return (int)done;
}

time_t time(time_t *out) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact = {0};
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
