// From a command to a process.
//
// The child shares the memory of the supervisor until it executes its program, and the supervisor waits for that, as in
// posix_spawn: no page table is copied, and nothing can come between the making of a process and its program. Where a
// run has a namespace of pids, an init is forked instead, which does the same for the program; then the supervisor does
// not wait, and hears of it through a pipe.
#define _GNU_SOURCE
#include "launch.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// How many arguments LAUNCH_STACK leaves room for, beside paths: the shell's vector, if the program is a script without
// a first line.
enum { STACK_ARGUMENTS = 1024 };

// Moves this process into a control group.
bool launch_join(const char *directory) {
    char path[4096];
    size_t length = strlen(directory);
    static const char name[] = "/cgroup.procs";
    if (length + sizeof name > sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(path, directory, length);
    memcpy(path + length, name, sizeof name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool joined = write(file, "0", 1) == 1;
    int error = errno;
    close(file);
    errno = error;
    return joined;
}

// Puts a file of the sandbox in the place of `descriptor`.
static bool redirect(const char *path, int descriptor, const Meseta__Wire__SupervisorStart *start) {
    // Not blocking: if somebody has put a pipe there, the supervisor must not wait for its reader.
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (file < 0) return false;
    if (start->switch_user && fchown(file, start->uid, start->gid) != 0) return false;
    if (fcntl(file, F_SETFL, O_APPEND) != 0) return false;
    return dup2(file, descriptor) >= 0;
}

static bool set_limits(const Meseta__Wire__SupervisorStart *start) {
    for (size_t index = 0; index < start->n_limits; index++) {
        const Meseta__Wire__SupervisorLimit *limit = start->limits[index];
        struct rlimit value = {limit->soft, limit->hard};
        if (setrlimit((__rlimit_resource_t)limit->resource, &value) != 0) return false;
    }
    return true;
}

// By the system calls themselves: the C library's functions want to tell all threads, and have memory of their own.
bool launch_become_user(const Meseta__Wire__SupervisorStart *start) {
    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are passed as they came");
    if (!start->switch_user) return true;
    if (start->ambient_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return false;
    if (syscall(SYS_setgroups, start->n_groups, start->groups) != 0) return false;
    if (syscall(SYS_setresgid, start->gid, start->gid, start->gid) != 0) return false;
    return syscall(SYS_setresuid, start->uid, start->uid, start->uid) == 0;
}

static bool fails(struct child *child, int stage) {
    child->stage = stage;
    child->error = errno;
    return false;
}

bool prepare_container(struct child *child) {
    const Meseta__Wire__SupervisorStart *start = child->start;
    for (size_t index = 0; index < start->n_cgroups; index++)
        if (!launch_join(start->cgroups[index])) return fails(child, STAGE(CGROUP));
    if (chdir(start->directory) != 0) return fails(child, STAGE(DIRECTORY));
    if (!redirect(start->output, STDOUT_FILENO, start)) return fails(child, STAGE(OUTPUT));
    if (!redirect(start->error, STDERR_FILENO, start)) return fails(child, STAGE(OUTPUT));
    if (start->namespaces & CLONE_NEWUTS && *start->hostname
        && sethostname(start->hostname, strlen(start->hostname)) != 0)
        return fails(child, STAGE(NAMESPACE));
    int stage = start->namespaces & CLONE_NEWNS ? arrange_files(start) : 0;
    if (stage) return fails(child, stage);
    if (start->namespaces & CLONE_NEWNET && !raise_loopback()) return fails(child, STAGE(NETWORK));
    return true;
}

// As execvp(3) does for its own environment, which all launches share: a script without a first line is the shell's.
static void execute_file(const char *path, const struct child *child) {
    execve(path, child->arguments, child->environment);
    if (errno != ENOEXEC) return;
    size_t count = child->start->n_arguments;
    char *arguments[count + 2];
    arguments[0] = "sh";
    arguments[1] = (char *)path;
    for (size_t index = 1; index <= count; index++) arguments[index + 1] = child->arguments[index];
    execve("/bin/sh", arguments, child->environment);
}

// Executes the program, looked up in its own PATH. Returns with errno if that fails.
static void execute_program(const struct child *child) {
    const char *name = child->start->program;
    if (strchr(name, '/')) return execute_file(name, child);
    const char *rest = "/bin:/usr/bin";
    for (char **variable = child->environment; *variable; variable++)
        if (strncmp(*variable, "PATH=", 5) == 0) rest = *variable + 5;
    size_t length = strlen(name);
    bool was_denied = false;
    for (bool is_last = false; !is_last;) {
        char path[4096];
        size_t size = strcspn(rest, ":");
        if (size + length + 2 <= sizeof path) {
            // An empty part is the working directory.
            memcpy(path, rest, size);
            if (size) path[size] = '/';
            memcpy(path + size + (size > 0), name, length + 1);
            execute_file(path, child);
            if (errno == EACCES) was_denied = true;
            else if (errno != ENOENT && errno != ENOTDIR) return;
        }
        is_last = rest[size] == 0;
        rest += size + 1;
    }
    errno = was_denied ? EACCES : ENOENT;
}

// From a process as the supervisor has it to one as the run wants it. Returns only if it fails.
static bool execute(struct child *child) {
    const Meseta__Wire__SupervisorStart *start = child->start;
    if (!set_limits(start)) return fails(child, STAGE(LIMIT));
    if (start->drop_capabilities && !bound_capabilities(start->capabilities)) return fails(child, STAGE(CAPABILITIES));
    if (!launch_become_user(start)) return fails(child, STAGE(USER));
    if (start->drop_capabilities && !drop_capabilities(start->capabilities)) return fails(child, STAGE(CAPABILITIES));
    if (start->ambient_capabilities && !pass_on_capabilities()) return fails(child, STAGE(CAPABILITIES));
    // After the change of user, which clears it. The parent may have died before that.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fails(child, STAGE(FORK));
    if (getppid() != child->parent) _exit(127);

    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    umask(022);
    if ((start->no_new_privileges || start->filter_calls) && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fails(child, STAGE(CAPABILITIES));
    if (start->filter_calls && !filter_calls()) return fails(child, STAGE(FILTER));
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execute_program(child);
    return fails(child, STAGE(EXEC));
}

// An init has prepared the container before it gets here.
static bool is_prepared(const struct child *child) { return child->start->namespaces & CLONE_NEWPID; }

static int run_child(void *argument) {
    struct child *child = argument;
    setsid();
    if (is_prepared(child) || prepare_container(child)) execute(child);
    _exit(127);
}

pid_t spawn(struct child *child, unsigned long namespaces) {
    char *top = (char *)((uintptr_t)(child->stack + child->stack_size) & ~(uintptr_t)15);
    return clone(run_child, top, (int)(CLONE_VM | CLONE_VFORK | SIGCHLD | namespaces), child);
}

// Forks an init; it reports through a pipe.
static pid_t fork_init(struct child *child, int *report) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return -1;
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD | (unsigned long)child->start->namespaces, 0, 0, 0, 0);
    if (pid == 0) run_init(child, ends[1]);
    int error = errno;
    close(ends[1]);
    if (pid < 0) close(ends[0]);
    else *report = ends[0];
    errno = error;
    return pid;
}

// The strings of a message as exec wants them: with a NULL behind the last.
static char **terminated(char **strings, size_t count) {
    char **vector = allocate((count + 1) * sizeof *vector);
    if (count) memcpy(vector, strings, count * sizeof *vector);
    vector[count] = NULL;
    return vector;
}

struct launched launch(const Meseta__Wire__SupervisorStart *start, char *stack) {
    struct child child = {
        .start = start,
        .arguments = terminated(start->arguments, start->n_arguments),
        .environment = terminated(start->environment, start->n_environment),
        .parent = getpid(),
        .stack = stack,
        .stack_size = LAUNCH_STACK,
    };
    // Here, since a process that shares nothing with this one but a copy of its memory must not allocate either.
    if (start->n_arguments > STACK_ARGUMENTS) {
        child.stack_size += (start->n_arguments * sizeof(char *) + 15) & ~(size_t)15;
        child.stack = allocate(child.stack_size);
    }
    struct launched result = {.init_pipe = -1};
    // A signal must not be taken by a child as if it were the supervisor; it waits for whom it is meant.
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    result.pid = start->namespaces & CLONE_NEWPID ? fork_init(&child, &result.init_pipe)
                                                  : spawn(&child, start->namespaces);
    int error = errno;
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    if (child.stack != stack) free(child.stack);
    free(child.arguments);
    free(child.environment);
    result.stage = child.stage;
    result.error = result.pid < 0 ? error : child.error;
    return result;
}
