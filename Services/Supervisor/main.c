// meseta-supervisor --dir DIRECTORY [--cgroup DIRECTORY]... [--patience SECONDS]
//
// Started by the agent, once for each framework; outlives it. In its directory: `lock`, held as long as it lives, with
// its pid; `socket`, where the agent connects; `journal`. Standard error is its log. SIGTERM ends every run, then it.
//
// While no agent is connected and no run lives, it ends when its directory is gone, or when it has waited that long
// for an agent; 0: for ever, default 300. What the agent has not taken stays in the journal, for the next supervisor
// to tell.
//
// The process that is started ends with 0 when the one that it leaves behind listens, else with the code of what
// failed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "supervisor.h"

// Exit codes besides 0: wrong arguments, something that it cannot do without, another supervisor of this directory.
enum { EXIT_USAGE = 64, EXIT_OS = 71, EXIT_TAKEN = 75 };
// Pauses before what a full disk did not take is written again, and before an idle supervisor without an agent looks
// again whether its directory is there, in milliseconds.
enum { JOURNAL_PAUSE = 1000, DIRECTORY_PAUSE = 1000, EVENTS_AT_ONCE = 64 };

int epoll_set = -1;
const char tag_signals, tag_listener, tag_link, tag_probes, tag_launchers;
bool finishing;
// SIGTERM or SIGINT came: every run is being killed.
static bool stopping;
static int signals = -1, lock = -1;
// As `--patience` says; and since when it waits for an agent without a live run, 0 if it does not.
static int64_t patience_ms = 300 * 1000, waiting_since;

void say(const char *what, const char *detail, int error) {
    dprintf(STDERR_FILENO, "meseta-supervisor[%d]: %s%s%s%s%s\n", getpid(), what, detail ? " " : "",
            detail ? detail : "", error ? ": " : "", error ? strerror(error) : "");
}

void fail(const char *what, const char *detail, int error) {
    say(what, detail, error);
    exit(EXIT_OS);
}

ssize_t read_small(const char *path, char *into, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    ssize_t count = read(file, into, size - 1);
    close(file);
    into[count > 0 ? count : 0] = 0;
    return count;
}

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void join_cgroup(const char *directory) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cgroup.procs", directory);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, "0", 1) != 1) fail("cannot join", directory, errno);
    close(file);
}

static _Noreturn void usage(void) {
    dprintf(STDERR_FILENO, "usage: meseta-supervisor --dir DIRECTORY [--cgroup DIRECTORY]... [--patience SECONDS]\n");
    exit(EXIT_USAGE);
}

// Whole seconds, at most a year of them, in milliseconds.
static int64_t parse_patience(const char *text) {
    char *end;
    long seconds = strtol(text, &end, 10);
    if (end == text || *end || seconds < 0 || seconds > 366 * 86400L) usage();
    return (int64_t)seconds * 1000;
}

static void enter(int count, char **arguments) {
    const char *directory = NULL;
    for (int index = 1; index < count; index += 2) {
        if (index + 1 == count) usage();
        if (strcmp(arguments[index], "--dir") == 0) {
            directory = arguments[index + 1];
        } else if (strcmp(arguments[index], "--cgroup") == 0) {
            join_cgroup(arguments[index + 1]);
        } else if (strcmp(arguments[index], "--patience") == 0) {
            patience_ms = parse_patience(arguments[index + 1]);
        } else {
            usage();
        }
    }
    if (!directory) usage();
    if (chdir(directory) != 0) fail("cannot enter", directory, errno);
    lock = open("lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) fail("cannot open the lock of", directory, errno);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) exit(EXIT_TAKEN);
    if (ftruncate(lock, 0) != 0 || dprintf(lock, "%d\n", getpid()) < 0) say("cannot write its pid", NULL, errno);
}

// Leaves a process behind and returns in it, with what it tells its readiness to. In the other, waits for that.
static int leave_behind(void) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("no pipe", NULL, errno);
    pid_t pid = fork();
    if (pid < 0) fail("cannot fork", NULL, errno);
    if (pid == 0) {
        close(ends[0]);
        return ends[1];
    }
    close(ends[1]);
    char ready;
    if (read(ends[0], &ready, 1) == 1) _exit(0);
    int status = 0;
    waitpid(pid, &status, 0);
    _exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : EXIT_OS);
}

// Leaves everything of the agent but its standard error.
static void detach(void) {
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0) fail("no /dev/null", NULL, errno);
    if (close_range(3, ~0U, 0) != 0)
        for (int descriptor = 3; descriptor < 4096; descriptor++) close(descriptor);
}

static void set_signals(void) {
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_SETMASK, &mask, NULL);
    signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    epoll_set = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)&tag_signals};
    if (signals < 0 || epoll_set < 0 || epoll_ctl(epoll_set, EPOLL_CTL_ADD, signals, &event) != 0)
        fail("cannot watch signals", NULL, errno);
    // Processes whose parents die become children of this one.
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("cannot adopt processes", NULL, errno);
}

static void take_signals(void) {
    struct signalfd_siginfo about[16];
    ssize_t size;
    while ((size = read(signals, about, sizeof about)) > 0)
        for (size_t index = 0; index < (size_t)size / sizeof *about; index++)
            if (about[index].ssi_signo != SIGCHLD) stopping = true;
    runs_reap();
    if (stopping) run_destroy_all();
}

static void turn(void) {
    struct epoll_event events[EVENTS_AT_ONCE];
    int pause = runs_wait_ms(), probe_pause = probes_wait_ms();
    if (probe_pause >= 0 && (pause < 0 || pause > probe_pause)) pause = probe_pause;
    if (journal_is_behind() && (pause < 0 || pause > JOURNAL_PAUSE)) pause = JOURNAL_PAUSE;
    if (waiting_since && (pause < 0 || pause > DIRECTORY_PAUSE)) pause = DIRECTORY_PAUSE;
    int count = epoll_wait(epoll_set, events, EVENTS_AT_ONCE, pause);
    for (int index = 0; index < count; index++) {
        void *tag = events[index].data.ptr;
        if (tag == &tag_signals) {
            take_signals();
        } else if (tag == &tag_listener) {
            link_accept();
        } else if (tag == &tag_link) {
            link_read();
        } else if (tag == &tag_probes) {
            probes_read();
        } else if (tag == &tag_launchers) {
            launchers_take();
        } else {
            run_init_said(tag);
        }
    }
    runs_advance();
    probes_advance();
    journal_flush();
    link_flush();
}

// Whether nobody will need it, as far as it can tell.
static bool is_abandoned(void) {
    if (link_is_up() || runs_live() > 0) {
        waiting_since = 0;
        return false;
    }
    if (!waiting_since) waiting_since = now_ms();
    struct stat about;
    if (fstat(lock, &about) == 0 && about.st_nlink == 0) {
        say("its directory is gone, and so it ends", NULL, 0);
        return true;
    }
    if (patience_ms == 0 || journal_is_behind() || now_ms() - waiting_since < patience_ms) return false;
    say("no agent has come for long, and so it ends", NULL, 0);
    return true;
}

int main(int count, char **arguments) {
    detach();
    int ready = leave_behind();
    setsid();
    enter(count, arguments);
    set_signals();
    journal_open();
    link_listen();
    if (write(ready, "1", 1) != 1) fail("nobody waits for it", NULL, errno);
    close(ready);
    for (;;) {
        runs_advance();
        if (stopping && runs_live() == 0) break;
        if (finishing && runs_known() == 0) break;
        if (is_abandoned()) break;
        turn();
    }
    journal_flush();
    link_flush();
    // Without one, the next agent knows that there is nothing to learn.
    if (runs_known() == 0) journal_remove();
    unlink("socket");
    // Its pid may soon be another's.
    if (ftruncate(lock, 0) != 0) say("cannot take its pid back", NULL, errno);
    return 0;
}
