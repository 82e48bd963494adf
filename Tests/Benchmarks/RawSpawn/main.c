// How many processes a second the machine starts and reaps, with nothing around them: what a rate of tasks is held against.
//
//     raw-spawn SECONDS WORKERS PROGRAM [CGROUP-DIRECTORY ...]
//
// Each worker starts PROGRAM without arguments, waits for its end, and begins anew. Without directories it is posix_spawn(3). With
// them, each process gets a control group of its own in each, joins it before it executes, and the group is removed after its end; that
// is vfork(2), which is what posix_spawn does as well.
//
// Prints one line: processes started, seconds.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { GROUP_LIMIT = 16 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "raw-spawn: %s: %s\n", what, strerror(errno));
    exit(1);
}

static pid_t spawn_plain(char *program) {
    char *arguments[] = {program, NULL}, *environment[] = {NULL};
    pid_t child;
    errno = posix_spawn(&child, program, NULL, NULL, arguments, environment);
    if (errno) fail(program);
    return child;
}

// Between vfork and exec only this: nothing that the parent would miss.
static void join_and_execute(char *program, char files[][4096], int count) {
    char *arguments[] = {program, NULL}, *environment[] = {NULL};
    for (int index = 0; index < count; index++) {
        int file = open(files[index], O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, "0", 1) != 1) _exit(126);
        close(file);
    }
    execve(program, arguments, environment);
    _exit(127);
}

static pid_t spawn_in_groups(char *program, char files[][4096], int count) {
    pid_t child = vfork();
    if (child == 0) join_and_execute(program, files, count);
    if (child < 0) fail("vfork");
    return child;
}

static void wait_for(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) fail("waitpid");
    if (status != 0) {
        fprintf(stderr, "raw-spawn: the program ended with status %d\n", status);
        exit(1);
    }
}

// Starts processes until the time is over; returns how many.
static long work(char *program, double end, char **bases, int count, int worker) {
    char directories[GROUP_LIMIT][4096], files[GROUP_LIMIT][4096];
    long started = 0;
    for (int index = 0; index < count; index++) {
        snprintf(directories[index], sizeof directories[index], "%s/raw-%d-%d", bases[index], (int)getpid(), worker);
        int length = snprintf(files[index], sizeof files[index], "%s/cgroup.procs", directories[index]);
        if (length < 0 || (size_t)length >= sizeof files[index]) exit(2);
    }
    while (now() < end) {
        for (int index = 0; index < count; index++)
            if (mkdir(directories[index], 0755) != 0) fail(directories[index]);
        wait_for(count ? spawn_in_groups(program, files, count) : spawn_plain(program));
        for (int index = 0; index < count; index++)
            if (rmdir(directories[index]) != 0) fail(directories[index]);
        started++;
    }
    return started;
}

int main(int count, char **arguments) {
    if (count < 4 || count - 4 > GROUP_LIMIT) {
        fprintf(stderr, "usage: raw-spawn SECONDS WORKERS PROGRAM [CGROUP-DIRECTORY ...]\n");
        return 64;
    }
    double seconds = atof(arguments[1]), begin = now();
    int workers = atoi(arguments[2]), ends[2];
    if (seconds <= 0 || workers < 1 || pipe(ends) != 0) return 64;
    for (int worker = 0; worker < workers; worker++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child > 0) continue;
        long started = work(arguments[3], begin + seconds, arguments + 4, count - 4, worker);
        exit(write(ends[1], &started, sizeof started) == sizeof started ? 0 : 1);
    }
    close(ends[1]);
    long sum = 0, started;
    while (read(ends[0], &started, sizeof started) == sizeof started) sum += started;
    double taken = now() - begin;
    for (int worker = 0; worker < workers; worker++) wait_for(-1);
    printf("%ld %.6f\n", sum, taken);
    return 0;
}
