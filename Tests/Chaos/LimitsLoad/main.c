// What containers do to their limits in the trial of limits, and the neighbour that must not notice.
//
//     limits-load work REPORT                      does the same small work for ever, and says how often
//     limits-load spin REPORT                      two processes that compute for ever
//     limits-load memory REPORT MB SECONDS         touches more and more memory: MB after SECONDS, and so on
//     limits-load forks REPORT                     processes that make processes for ever
//     limits-load disk REPORT MB SECONDS           a file `big` that grows: MB after SECONDS, to four times that
//
// REPORT begins with the line `pid N`. That of `work` goes on with lines `END LENGTH UNITS`, one in 100 ms: a window's
// end and length, in nanoseconds of the monotonic clock, and the units of work done in it. That of `disk` goes on with
// `crossed TIME` when the file has MB: with its directory that is more.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const int64_t second = 1000000000, window = 100000000;
enum { MEGABYTE = 1 << 20, PAGE = 4096, GROWTH = 4 };

static FILE *report;

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "limits-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * second + time.tv_nsec;
}

static void rest(int64_t nanoseconds) {
    struct timespec time = {nanoseconds / second, nanoseconds % second};
    while (nanosleep(&time, &time) < 0 && errno == EINTR) continue;
}

// A few microseconds of computation that nothing but the processor decides.
static uint64_t unit(uint64_t state) {
    for (int round = 0; round < 2000; round++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    return state;
}

static _Noreturn void work(void) {
    volatile uint64_t state = 88172645463325252;
    int64_t begin = now();
    for (int64_t units = 0;;) {
        state = unit(state);
        units++;
        int64_t end = now();
        if (end - begin < window) continue;
        fprintf(report, "%" PRId64 " %" PRId64 " %" PRId64 "\n", end, end - begin, units);
        fflush(report);
        begin = end;
        units = 0;
    }
}

static _Noreturn void spin(void) {
    if (fork() < 0) fail("fork");
    volatile uint64_t state = 88172645463325252;
    for (;;) state = unit(state);
}

// Never frees: that is the point. Volatile, or the compiler sees that nobody reads it.
static _Noreturn void memory(int64_t megabytes, double seconds) {
    for (;;) {
        volatile char *piece = malloc(MEGABYTE);
        if (!piece) fail("malloc");
        for (int place = 0; place < MEGABYTE; place += PAGE) piece[place] = 1;
        rest((int64_t)(seconds * (double)second) / megabytes);
    }
}

static _Noreturn void forks(void) {
    for (;;) fork();  // Parent and child go on alike; what fails is tried again.
}

static _Noreturn void disk(int64_t megabytes, double seconds) {
    static char piece[MEGABYTE];
    memset(piece, 1, sizeof piece);
    int file = open("big", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) fail("big");
    int64_t written = 0;
    for (int isAbove = 0; written < GROWTH * megabytes; written++) {
        if (write(file, piece, sizeof piece) != (ssize_t)sizeof piece) fail("big");
        struct stat status;
        if (fstat(file, &status) < 0) fail("big");
        if (!isAbove && status.st_blocks * 512 >= megabytes * MEGABYTE) {
            isAbove = 1;
            fprintf(report, "crossed %" PRId64 "\n", now());
            fflush(report);
        }
        rest((int64_t)(seconds * (double)second) / megabytes);
    }
    for (;;) pause();
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: limits-load work|spin|memory|forks|disk REPORT [MB SECONDS]\n");
        return 64;
    }
    const char *load = arguments[1];
    report = fopen(arguments[2], "we");
    if (!report) fail(arguments[2]);
    fprintf(report, "pid %d\n", getpid());
    fflush(report);
    int64_t megabytes = count > 3 ? atoll(arguments[3]) : 0;
    double seconds = count > 4 ? atof(arguments[4]) : 0;
    if (!strcmp(load, "work")) work();
    if (!strcmp(load, "spin")) spin();
    if (!strcmp(load, "forks")) forks();
    if (megabytes > 0 && seconds > 0) {
        if (!strcmp(load, "memory")) memory(megabytes, seconds);
        if (!strcmp(load, "disk")) disk(megabytes, seconds);
    }
    fprintf(stderr, "limits-load: there is no load '%s' of these arguments\n", load);
    return 64;
}
