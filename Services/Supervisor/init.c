// The first process of a namespace of pids, forked by the supervisor.
//
// The kernel keeps from such a process every signal that it has not asked for, and leaves it all orphans: a program in
// its place would not end at SIGTERM and would collect zombies. This one waits for signals, passes them on, reaps, and
// ends with the program; the kernel then kills what is left in the namespace. It can be seen by the container, so it
// keeps no descriptor but its pipe, and no capability but that of sending signals.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

// Where its pipe is, whatever the number was.
enum { PIPE = 3 };

static void report(int stage, int value) {
    struct init_report report = {stage, value};
    // Eight bytes into a pipe that holds at most as many: it takes them whole, or nobody is left to read them.
    if (write(PIPE, &report, sizeof report) != sizeof report) _exit(126);
}

// Reaps what has ended; if the program is among it, that is the end.
static void reap(pid_t program) {
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != program) continue;
        report(INIT_ENDED, status);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

static _Noreturn void serve(pid_t program) {
    sigset_t all;
    sigfillset(&all);
    for (;;) {
        siginfo_t about;
        int number = sigwaitinfo(&all, &about);
        if (number == SIGCHLD) {
            reap(program);
        } else if (number > 0 && about.si_code == SI_QUEUE && about.si_value.sival_int == SIGNAL_EVERYTHING) {
            kill(-1, number);
        } else if (number > 0 && kill(-program, number) != 0) {
            kill(program, number);
        }
    }
}

static void close_rest(void) {
    if (close_range(PIPE + 1, ~0U, 0) == 0) return;
    for (int descriptor = PIPE + 1; descriptor < 4096; descriptor++) close(descriptor);
}

_Noreturn void run_init(struct child *child, int pipe) {
    if (pipe != PIPE && dup3(pipe, PIPE, O_CLOEXEC) < 0) _exit(126);
    close_rest();
    setsid();
    prctl(PR_SET_NAME, "meseta-init");
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) _exit(126);
    // A supervisor that died before that does not read any more.
    struct pollfd end = {.fd = PIPE};
    if (poll(&end, 1, 0) != 0) _exit(127);
    child->parent = 1;
    pid_t program = prepare_container(child) ? spawn(child, 0) : 0;
    if (program < 0) {
        child->stage = STAGE(FORK);
        child->error = errno;
    }
    if (child->stage) {
        report(child->stage, child->error);
        _exit(127);
    }
    // Files that exec would have closed.
    close_rest();
    if (!drop_capabilities(UINT64_C(1) << CAP_KILL)) _exit(126);
    report(0, 0);
    serve(program);
}
