// What happens between a command and its program, shared by the files that do it: launch.c, contain.c, root.c,
// filter.c and init.c.
//
// All of it runs in a child that may still share the supervisor's memory: no allocation, no stdio, and no call of the C
// library that keeps anything of its own.
#ifndef MESETA_LAUNCH_H
#define MESETA_LAUNCH_H

#include <errno.h>

#include "supervisor.h"

#define STAGE(name) MESETA__WIRE__SUPERVISOR_STAGE__STAGE_##name

// A process on its way to its program.
struct child {
    const Meseta__Wire__SupervisorStart *start;
    // With a NULL behind the last.
    char **arguments, **environment;
    // Who must be its parent still: seen from inside, where there is a namespace of pids.
    pid_t parent;
    // As large as its number of arguments asks for.
    char *stack;
    size_t stack_size;
    // Where it failed, and errno; stage 0 if it did not.
    int stage, error;
};

// Each step returns whether it is done; if not, errno says why.

// ---- launch.c

// Output, control groups and what is set up around the program. False: `stage` and `error` are set.
bool prepare_container(struct child *child);
// Makes the process of the program itself; returns when that has executed it, or failed to.
//
// Returns its pid, -1 with errno if there is none. `stage` and `error` say whether the program runs.
pid_t spawn(struct child *child, unsigned long namespaces);

// ---- contain.c

bool raise_loopback(void);
// Makes sure that nothing this process executes ever has other capabilities than these.
bool bound_capabilities(uint64_t kept);
// Drops all but these of those that it has.
bool drop_capabilities(uint64_t kept);
// Has the programs that this process executes inherit what it has, whoever its user is.
bool pass_on_capabilities(void);

// ---- root.c

// Mounts, root and volumes, in a namespace of mounts of its own; then the working directory. Returns 0, or the stage
// that failed, with errno.
int arrange_files(const Meseta__Wire__SupervisorStart *start);

// ---- filter.c

bool filter_calls(void);

// ---- init.c

// The first process of a namespace of pids: starts the program, passes signals on, reaps.
_Noreturn void run_init(struct child *child, int pipe);

#endif
