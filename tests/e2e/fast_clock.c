/* A wall clock that runs SPEED times as fast since START (seconds since 1970; both named when this is compiled, as the
 * agent's network part gets next to nothing of its environment), and waits that are shorter by as much: hours of agents'
 * lives in minutes. Preloaded by tests only. Nothing is opened, so it works behind the signer's seccomp filter too. The
 * monotonic clock, and with it every timeout of a network connection, stays. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t start = START, speed = SPEED;

int clock_gettime(clockid_t clock, struct timespec *now) {
    const long done = syscall(SYS_clock_gettime, clock, now);
    if (done != 0 || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return (int)done;
    const __int128 since = ((__int128)(now->tv_sec - start) * 1000000000 + now->tv_nsec) * speed;
    now->tv_sec = start + (int64_t)(since / 1000000000);
    now->tv_nsec = (long)(since % 1000000000);
    return 0;
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

/* The agent's one wait. */
int sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *wait) {
    struct timespec shorter = {0};
    if (wait != NULL) {
        const __int128 length = ((__int128)wait->tv_sec * 1000000000 + wait->tv_nsec) / speed;
        shorter.tv_sec = (time_t)(length / 1000000000);
        shorter.tv_nsec = (long)(length % 1000000000);
    }
    const long got = syscall(SYS_rt_sigtimedwait, set, info, wait == NULL ? NULL : &shorter, _NSIG / 8);
    return (int)got;
}
