// Probes: processes beside a run that look whether it is well.
//
// A probe joins the control groups of its run, so that whatever ends the run ends it too; it enters the namespaces of
// the run's first process where those are not our own. What it writes is read through a pipe and dropped, save the
// end. Its children are found by its session and by a variable that only they have, since by control groups they could
// not be told from the task.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

enum {
    // Of its output, the last so many bytes are told.
    OUTPUT_KEPT = 512,
    // Looks at children that were killed and are not gone; pause between them, in milliseconds.
    SWEEPS = 50,
    SWEEP_PAUSE = 20,
    // More at a time are refused: each has a process and a pipe.
    PROBE_LIMIT = 4096,
    // In milliseconds: twelve days.
    TIMEOUT_MAX = 1 << 30
};

// What goes through the exec pipe if something fails on the way.
struct launch_failure {
    int32_t stage;
    int32_t error;
};

struct probe {
    uint64_t id;
    uint64_t run;
    // Of its first process; 0 when that was reaped.
    pid_t pid;
    int status;
    bool timed_out;
    struct launch_failure failure;
    // Read ends: of the pipe that exec closes, and of its output; -1 when closed.
    int exec_pipe, output_pipe;
    char output[OUTPUT_KEPT];
    size_t output_length;
    // NAME=value in the environment of its processes.
    char mark[48];
    // In milliseconds of the monotonic clock; 0: none.
    int64_t deadline;
    int sweeps;
    struct probe *next;
};

static struct probe *probes;
static size_t probe_count;

static void tell(const struct probe *probe) {
    Meseta__Wire__SupervisorProbed message = MESETA__WIRE__SUPERVISOR_PROBED__INIT;
    message.probe = probe->id;
    message.status = probe->status;
    message.timed_out = probe->timed_out;
    message.error = probe->failure.error;
    message.stage = (Meseta__Wire__SupervisorStage)probe->failure.stage;
    message.output.data = (uint8_t *)probe->output;
    message.output.len = probe->output_length;
    link_tell_probed(&message);
}

// ---- the process

static _Noreturn void give_up(int pipe, int stage) {
    struct launch_failure failure = {stage, errno};
    ssize_t written = write(pipe, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

// Whether a process is in another namespace of that name than we are.
static bool is_apart(pid_t pid, const char *name) {
    char path[64];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    if (stat(path, &own) != 0) return false;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
    return stat(path, &other) == 0 && (own.st_ino != other.st_ino || own.st_dev != other.st_dev);
}

static bool has_other_root(pid_t pid) {
    char path[64];
    struct stat own, other;
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    return stat("/", &own) == 0 && stat(path, &other) == 0
        && (own.st_ino != other.st_ino || own.st_dev != other.st_dev);
}

// Goes where the first process of the run is: its namespaces, its root. In a namespace of processes only children are,
// so one is made; this process waits for it and ends as it does.
static bool enter(pid_t pid, int pipe) {
    static const struct { const char *name; int kind; } kinds[] = {
        {"ipc", CLONE_NEWIPC}, {"uts", CLONE_NEWUTS}, {"net", CLONE_NEWNET},
        {"pid", CLONE_NEWPID}, {"mnt", CLONE_NEWNS},
    };
    enum { KINDS = sizeof kinds / sizeof *kinds };
    int files[KINDS], root = -1;
    char path[64];
    bool forks = false;
    // All are opened first: afterwards /proc is another.
    for (int index = 0; index < KINDS; index++) {
        files[index] = -1;
        if (!is_apart(pid, kinds[index].name)) continue;
        snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kinds[index].name);
        files[index] = open(path, O_RDONLY | O_CLOEXEC);
        if (files[index] < 0) return false;
        forks = forks || kinds[index].kind == CLONE_NEWPID;
    }
    if (has_other_root(pid)) {
        snprintf(path, sizeof path, "/proc/%d/root", pid);
        root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0) return false;
    }
    for (int index = 0; index < KINDS; index++)
        if (files[index] >= 0 && setns(files[index], kinds[index].kind) != 0) return false;
    if (root >= 0 && (fchdir(root) != 0 || chroot(".") != 0)) return false;
    if (!forks) return true;
    pid_t child = fork();
    if (child <= 0) return child == 0;
    close(pipe);
    int status;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 255);
}

static _Noreturn void run_child(
    const Meseta__Wire__SupervisorStart *start, char **environment, pid_t task, int pipe, int output, pid_t parent) {
    setsid();
    for (size_t index = 0; index < start->n_cgroups; index++)
        if (!launch_join(start->cgroups[index])) give_up(pipe, STAGE(CGROUP));
    if (dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0) give_up(pipe, STAGE(OUTPUT));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    // For the one that waits, if there is one; then for the one that executes, whose user may change.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(pipe, STAGE(FORK));
    if (getppid() != parent) _exit(127);
    if (!enter(task, pipe)) give_up(pipe, STAGE(FORK));
    if (chdir(start->directory) != 0) give_up(pipe, STAGE(DIRECTORY));
    // It may do no more than the run that it looks at.
    if (start->drop_capabilities && !bound_capabilities(start->capabilities)) give_up(pipe, STAGE(CAPABILITIES));
    if (!launch_become_user(start)) give_up(pipe, STAGE(USER));
    if (start->drop_capabilities && !drop_capabilities(start->capabilities)) give_up(pipe, STAGE(CAPABILITIES));
    if (start->ambient_capabilities && !pass_on_capabilities()) give_up(pipe, STAGE(CAPABILITIES));
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(pipe, STAGE(FORK));
    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    umask(022);
    if ((start->no_new_privileges || start->filter_calls) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        give_up(pipe, STAGE(CAPABILITIES));
    if (start->filter_calls && !filter_calls()) give_up(pipe, STAGE(FILTER));
    environ = environment;
    execvp(start->program, start->arguments);
    give_up(pipe, STAGE(EXEC));
}

static char **terminated(char **strings, size_t count, char *last) {
    char **vector = allocate((count + 2) * sizeof *vector);
    if (count) memcpy(vector, strings, count * sizeof *vector);
    vector[count] = last;
    vector[count + 1] = NULL;
    return vector;
}

static bool fork_probe(struct probe *probe, const Meseta__Wire__SupervisorStart *start, pid_t task) {
    int ends[2], output[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    if (pipe2(output, O_CLOEXEC | O_NONBLOCK) != 0) {
        close(ends[0]), close(ends[1]);
        return false;
    }
    // The reader does not wait; the writers do.
    fcntl(output[1], F_SETFL, 0);
    Meseta__Wire__SupervisorStart child = *start;
    child.arguments = terminated(start->arguments, start->n_arguments, NULL);
    char **environment = terminated(start->environment, start->n_environment, probe->mark);
    pid_t parent = getpid(), pid = fork();
    int error = errno;
    if (pid == 0) run_child(&child, environment, task, ends[1], output[1], parent);
    free(child.arguments);
    free(environment);
    close(ends[1]), close(output[1]);
    probe->exec_pipe = ends[0];
    probe->output_pipe = output[0];
    probe->pid = pid > 0 ? pid : 0;
    errno = error;
    return pid > 0;
}

// ---- what becomes of it

static void close_pipes(struct probe *probe) {
    if (probe->exec_pipe >= 0) close(probe->exec_pipe);
    if (probe->output_pipe >= 0) {
        // By hand: a child between fork and exec may have a copy.
        epoll_ctl(epoll_set, EPOLL_CTL_DEL, probe->output_pipe, NULL);
        close(probe->output_pipe);
    }
    probe->exec_pipe = probe->output_pipe = -1;
}

// Reads what it wrote, and keeps the end; not for longer than it takes to let others have a turn.
static void drain(struct probe *probe) {
    char bytes[4096];
    for (int turn = 0; turn < 16 && probe->output_pipe >= 0; turn++) {
        ssize_t count = read(probe->output_pipe, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN) {
                epoll_ctl(epoll_set, EPOLL_CTL_DEL, probe->output_pipe, NULL);
                close(probe->output_pipe);
                probe->output_pipe = -1;
            }
            return;
        }
        size_t fresh = (size_t)count, from = fresh > OUTPUT_KEPT ? fresh - OUTPUT_KEPT : 0;
        fresh -= from;
        size_t kept = probe->output_length + fresh > OUTPUT_KEPT ? OUTPUT_KEPT - fresh : probe->output_length;
        memmove(probe->output, probe->output + probe->output_length - kept, kept);
        memcpy(probe->output + kept, bytes + from, fresh);
        probe->output_length = kept + fresh;
    }
}

static void kill_first(struct probe *probe) {
    if (probe->pid && kill(-probe->pid, SIGKILL) != 0) kill(probe->pid, SIGKILL);
}

void probe_start(const Meseta__Wire__SupervisorProbe *order) {
    const Meseta__Wire__SupervisorStart *start = order->start;
    struct probe *probe = allocate(sizeof *probe);
    *probe = (struct probe){.id = order->probe, .run = start->run, .exec_pipe = -1, .output_pipe = -1};
    snprintf(probe->mark, sizeof probe->mark, "MESETA_PROBE=%d.%llu", getpid(), (unsigned long long)order->probe);
    uint64_t timeout = order->timeout_ms < TIMEOUT_MAX ? order->timeout_ms : TIMEOUT_MAX;
    if (timeout) probe->deadline = now_ms() + (int64_t)timeout;
    struct run *run = run_find(start->run);
    probe->failure.stage = STAGE(FORK);
    if (!run || run->state != RUNNING || !run->pid) {
        probe->failure.error = ESRCH;
    } else if (probe_count >= PROBE_LIMIT) {
        probe->failure.error = EAGAIN;
    } else if (!fork_probe(probe, start, run->pid)) {
        probe->failure.error = errno;
        close_pipes(probe);
    } else {
        probe->failure.stage = 0;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)&tag_probes};
        if (epoll_ctl(epoll_set, EPOLL_CTL_ADD, probe->output_pipe, &event) != 0)
            fail("cannot watch a probe", NULL, errno);
        probe->next = probes;
        probes = probe;
        probe_count++;
        return;
    }
    tell(probe);
    free(probe);
}

void probes_read(void) {
    for (struct probe *probe = probes; probe; probe = probe->next) drain(probe);
}

bool probe_owns(pid_t pid) {
    for (struct probe *probe = probes; probe; probe = probe->next)
        if (probe->pid == pid) return true;
    return false;
}

bool probe_reap(pid_t pid) {
    for (struct probe *probe = probes; probe; probe = probe->next) {
        if (probe->pid != pid) continue;
        // Still a zombie, so that its number is nobody else's.
        kill(-pid, SIGKILL);
        waitpid(pid, &probe->status, 0);
        probe->pid = 0;
        ssize_t size;
        do size = read(probe->exec_pipe, &probe->failure, sizeof probe->failure);
        while (size < 0 && errno == EINTR);
        if (size != sizeof probe->failure) probe->failure = (struct launch_failure){0, 0};
        return true;
    }
    return false;
}

void probes_abandon(void) {
    for (struct probe *probe = probes; probe; probe = probe->next) {
        probe->id = 0;  // Nobody waits for it.
        kill_first(probe);
    }
}

void probes_end_of(uint64_t run) {
    for (struct probe *probe = probes; probe; probe = probe->next)
        if (probe->run == run) kill_first(probe);
}

void probes_advance(void) {
    int64_t now = probes ? now_ms() : 0;
    for (struct probe **link = &probes; *link;) {
        struct probe *probe = *link;
        if (probe->pid) {
            if (probe->deadline && probe->deadline <= now && !probe->timed_out) {
                probe->timed_out = true;
                kill_first(probe);
            }
            link = &probe->next;
            continue;
        }
        // Its first process is gone; those that left its session are children of ours.
        if (kill_children_marked(probe->mark) > 0 && ++probe->sweeps < SWEEPS) {
            link = &probe->next;
            continue;
        }
        drain(probe);
        close_pipes(probe);
        *link = probe->next;
        probe_count--;
        if (probe->id) tell(probe);
        free(probe);
    }
}

int probes_wait_ms(void) {
    int64_t wait = -1, now = probes ? now_ms() : 0;
    for (struct probe *probe = probes; probe; probe = probe->next) {
        int64_t pause = -1;
        if (!probe->pid) {
            pause = SWEEP_PAUSE;
        } else if (probe->deadline && !probe->timed_out) {
            pause = probe->deadline > now ? probe->deadline - now : 0;
        }
        if (pause >= 0 && (wait < 0 || pause < wait)) wait = pause;
    }
    return (int)wait;
}
