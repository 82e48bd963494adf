// Finding every process of a run, wherever it went, and killing it.
//
// With a tracking cgroup the kernel knows them: version 2 kills the tree at a write to `cgroup.kill`, version 1 lists
// it. One that left it, as root can, or its session where there is none, is found when its parent dies, since it then
// becomes a child of this one (PR_SET_CHILD_SUBREAPER), and its environment tells whose it is. One that also wiped its
// environment is killed when no other run is left that it could belong to.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor.h"

enum {
    PATH_SIZE = 4096,
    // Cgroups that a task has made below its own are followed to this depth.
    DEPTH_LIMIT = 32,
    ENVIRONMENT_LIMIT = 4 << 20,
    // How many looks a process gets whose environment cannot be read: pauses grow, so these are about 120 ms.
    UNCLEAR_LOOKS = 6
};

static bool in_directory(char *path, const char *directory, const char *name) {
    int length = snprintf(path, PATH_SIZE, "%s/%s", directory, name);
    return length > 0 && length < PATH_SIZE;
}

// Sends `signal` to each process whose number stands in the file, one per line; returns how many there were.
static size_t signal_listed(const char *path, int signal) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    size_t count = 0;
    int pid;
    while (fscanf(file, "%d", &pid) == 1) {
        // Zero is a process outside our pid namespace.
        if (pid <= 1 || pid == getpid()) continue;
        count++;
        kill(pid, signal);
    }
    fclose(file);
    return count;
}

// The same for a cgroup and those below it.
static size_t signal_tree(const char *directory, int signal, int depth) {
    char path[PATH_SIZE];
    size_t count = 0;
    if (!in_directory(path, directory, "cgroup.procs")) return 0;
    count += signal_listed(path, signal);
    DIR *entries = depth < DEPTH_LIMIT ? opendir(directory) : NULL;
    if (!entries) return count;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (entry->d_type != DT_DIR || entry->d_name[0] == '.') continue;
        if (in_directory(path, directory, entry->d_name)) count += signal_tree(path, signal, depth + 1);
    }
    closedir(entries);
    return count;
}

// Whether anything is in a cgroup of version 2: 1 or 0; -1 if it is of version 1.
static int populated(const char *directory) {
    char path[PATH_SIZE], text[256];
    if (!in_directory(path, directory, "cgroup.events")) return -1;
    if (read_small(path, text, sizeof text) < 0) return -1;
    return strstr(text, "populated 0") == NULL;
}

static bool kill_at_once(const char *directory) {
    char path[PATH_SIZE];
    if (!in_directory(path, directory, "cgroup.kill")) return false;
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0) return false;
    bool killed = write(file, "1", 1) == 1;
    close(file);
    return killed;
}

static bool sweep_cgroup(const char *directory) {
    int state = populated(directory);
    if (state == 0) return true;
    if (state == 1) {
        if (!kill_at_once(directory)) signal_tree(directory, SIGKILL, 0);
        return populated(directory) == 0;
    }
    // A process killed while it forks leaves a child that the next look finds.
    return signal_tree(directory, SIGKILL, 0) == 0;
}

enum ownership { ANOTHERS, OURS, UNCLEAR, NOBODYS };

// A process in the middle of exec has a program and no environment yet; so has one that wiped it for good. One that has
// neither is about to be gone, or is the kernel's.
static enum ownership without_environment(int pid) {
    char path[64], program[PATH_SIZE];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    return readlink(path, program, sizeof program) > 0 ? UNCLEAR : NOBODYS;
}

// Reads the environment that a process was started with, with a NUL behind its end; false, and why not, if it has none
// that can be read. `content` is the caller's to free either way.
static bool read_environment(int pid, struct buffer *content, enum ownership *whose) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/environ", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        // Kernels differ in how they say that it has no memory any more.
        *whose = errno == ESRCH ? without_environment(pid) : ANOTHERS;
        return false;
    }
    ssize_t count = 0;
    while (content->length < ENVIRONMENT_LIMIT) {
        count = read(file, buffer_reserve(content, 4096), 4096);
        if (count <= 0) break;
        content->length += (size_t)count;
    }
    close(file);
    if (content->length == 0) {
        *whose = without_environment(pid);
        return false;
    }
    *buffer_reserve(content, 1) = 0;
    return true;
}

// Whether an environment has this NAME=value.
static bool has_mark(const struct buffer *environment, const char *mark) {
    const char *text = (const char *)environment->data, *end = text + environment->length;
    for (; text < end; text += strlen(text) + 1)
        if (strcmp(text, mark) == 0) return true;
    return false;
}

static enum ownership owner(int pid, const char *mark) {
    struct buffer environment = {0};
    enum ownership whose = ANOTHERS;
    if (read_environment(pid, &environment, &whose)) whose = has_mark(&environment, mark) ? OURS : ANOTHERS;
    free(environment.data);
    return whose;
}

// Sends `signal` to the processes that have become children of the supervisor and have this mark, with `takes_doubtful`
// to all but the first ones of runs; returns how many there were. `unclear` counts those of which nobody can say yet.
static size_t signal_adopted(const char *mark, int signal, bool takes_doubtful, size_t *unclear) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    size_t count = 0;
    int pid;
    while (fscanf(file, "%d", &pid) == 1) {
        if (run_find_pid(pid)) continue;
        enum ownership whose = owner(pid, mark);
        // One that is about to be gone may leave a child, which is in this list only when it is.
        if (whose == UNCLEAR || whose == NOBODYS) ++*unclear;
        if (whose != OURS && !takes_doubtful) continue;
        count++;
        kill(pid, signal);
    }
    fclose(file);
    return count;
}

size_t kill_children_marked(const char *mark) {
    size_t unclear = 0;
    return signal_adopted(mark, SIGKILL, false, &unclear);
}

// Kills what belongs to one of the lost runs of a queue.
static void kill_lost(struct run *first, int pid) {
    struct buffer environment = {0};
    enum ownership whose = ANOTHERS;
    bool is_read = read_environment(pid, &environment, &whose);
    for (struct run *run = first; run; run = run->next_in_queue) {
        if (!run->lost || !*run->mark) continue;
        if (is_read && has_mark(&environment, run->mark)) {
            run->found++;
            kill(pid, SIGKILL);
        } else if (!is_read && whose == UNCLEAR) {
            run->unclear++;
        }
    }
    free(environment.data);
}

void sweep_lost(struct run *first) {
    bool is_any = false;
    for (struct run *run = first; run; run = run->next_in_queue) {
        run->found = run->unclear = 0;
        is_any = is_any || (run->lost && *run->mark);
    }
    DIR *processes = is_any ? opendir("/proc") : NULL;
    if (!processes) return;
    for (struct dirent *entry; (entry = readdir(processes));) {
        int pid = atoi(entry->d_name);
        if (pid > 1 && pid != getpid()) kill_lost(first, pid);
    }
    closedir(processes);
}

bool sweep(struct run *run) {
    if (*run->tracking && !sweep_cgroup(run->tracking)) return false;
    // Root can leave its cgroup, but neither its mark behind nor this process, once its parent is gone.
    size_t unclear = run->unclear;
    size_t count = run->lost ? run->found : signal_adopted(run->mark, SIGKILL, runs_executing() == 0, &unclear);
    if (count > 0) {
        run->unclear_looks = 0;
        return false;
    }
    return unclear == 0 || ++run->unclear_looks > UNCLEAR_LOOKS;
}

void signal_init(const struct run *run, int signal, int whom) {
    sigqueue(run->pid, signal, (union sigval){.sival_int = whom});
}

void signal_everything(struct run *run, int signal) {
    // It reaches all of them, and each once. Being stopped is the one thing that it cannot pass on.
    if (run->pid && run->has_init && (signal != SIGSTOP || !*run->tracking)) {
        signal_init(run, signal, SIGNAL_EVERYTHING);
        return;
    }
    // A process on its way to exec may not have joined its cgroup.
    if (*run->tracking && run->state != LAUNCHING) {
        signal_tree(run->tracking, signal, 0);
        return;
    }
    if (run->pid && kill(-run->pid, signal) != 0) kill(run->pid, signal);
    size_t unclear = 0;
    signal_adopted(run->mark, signal, runs_executing() == 0, &unclear);
}
