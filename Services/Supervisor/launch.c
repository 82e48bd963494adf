// From a command to a process: fork, and in the child everything up to exec.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor.h"

extern char **environ;

#define STAGE(name) MESETA__WIRE__SUPERVISOR_STAGE__STAGE_##name

static _Noreturn void give_up(int pipe, int stage) {
    struct launch_failure failure = {stage, errno};
    // Eight bytes into an empty pipe: it takes them whole, or nobody is left to read them.
    ssize_t written = write(pipe, &failure, sizeof failure);
    _exit(written == sizeof failure ? 127 : 126);
}

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
    int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) return false;
    if (start->switch_user && fchown(file, start->uid, start->gid) != 0) return false;
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

bool launch_become_user(const Meseta__Wire__SupervisorStart *start) {
    _Static_assert(sizeof(gid_t) == sizeof(uint32_t), "groups are passed as they came");
    if (!start->switch_user) return true;
    if (setgroups(start->n_groups, start->groups) != 0) return false;
    if (setresgid(start->gid, start->gid, start->gid) != 0) return false;
    return setresuid(start->uid, start->uid, start->uid) == 0;
}

static _Noreturn void run_child(const Meseta__Wire__SupervisorStart *start, int pipe, pid_t parent) {
    setsid();
    for (size_t index = 0; index < start->n_cgroups; index++)
        if (!launch_join(start->cgroups[index])) give_up(pipe, STAGE(CGROUP));
    if (chdir(start->directory) != 0) give_up(pipe, STAGE(DIRECTORY));
    if (!redirect(start->output, STDOUT_FILENO, start)) give_up(pipe, STAGE(OUTPUT));
    if (!redirect(start->error, STDERR_FILENO, start)) give_up(pipe, STAGE(OUTPUT));
    if (!set_limits(start)) give_up(pipe, STAGE(LIMIT));
    if (!launch_become_user(start)) give_up(pipe, STAGE(USER));
    // After the change of user, which clears it. The supervisor may have died before that.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) give_up(pipe, STAGE(FORK));
    if (getppid() != parent) _exit(127);

    signal(SIGPIPE, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
    umask(022);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    environ = start->environment;
    execvp(start->program, start->arguments);
    give_up(pipe, STAGE(EXEC));
}

// The strings of a message as exec wants them: with a NULL behind the last.
static char **terminated(char **strings, size_t count) {
    char **vector = allocate((count + 1) * sizeof *vector);
    if (count) memcpy(vector, strings, count * sizeof *vector);
    vector[count] = NULL;
    return vector;
}

int launch(struct run *run, const Meseta__Wire__SupervisorStart *start) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    Meseta__Wire__SupervisorStart child = *start;
    child.arguments = terminated(start->arguments, start->n_arguments);
    child.environment = terminated(start->environment, start->n_environment);
    pid_t parent = getpid();
    pid_t pid = fork();
    int error = errno;
    if (pid == 0) run_child(&child, ends[1], parent);
    free(child.arguments);
    free(child.environment);
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error;
    }
    run_set_pid(run, pid);
    run->exec_pipe = ends[0];
    return 0;
}
