// The supervisor of one framework on one agent: starts processes, reaps them, and remembers how they ended.
//
//     link.c      the connection to the agent: frames in and out
//     main.c      start, the event loop, the end
//     runs.c      the table of runs and what becomes of them
//     launch.c    fork to exec, with contain.c, root.c, filter.c and init.c
//     launchers.c threads for several of those at a time
//     probe.c     processes that look whether a run is well
//     sweep.c     finding and killing every process of a run
//     journal.c   the file that outlives it
//     buffer.c    bytes that wait, and the frames in them
//
// One thread, but for launches. Everything that waits is in one epoll set; nothing is done on a timer except to look
// again at processes that have been killed and are not gone yet, to write again what a full disk did not take, and,
// while neither an agent nor a run needs it, to look whether it should be there at all.
#ifndef MESETA_SUPERVISOR_H
#define MESETA_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "supervisor.pb-c.h"

// ---- bytes (buffer.c)

// Bytes waiting to be written. `start` is where the unwritten ones begin.
struct buffer {
    uint8_t *data;
    size_t start;
    size_t length;
    size_t capacity;
};

// Longest frame in either direction, and the largest that a buffer keeps when it is empty.
enum { FRAME_LIMIT = 16 << 20, BUFFER_KEPT = 64 << 10 };

// Makes room for `size` more bytes and returns where they go; the caller adds to `length` what it put there.
uint8_t *buffer_reserve(struct buffer *buffer, size_t size);
// Appends a frame: varint length, then the message.
void buffer_append_frame(struct buffer *buffer, const ProtobufCMessage *message);
// Takes bytes off the front.
void buffer_drop(struct buffer *buffer, size_t size);

enum frame_result { FRAME_COMPLETE, FRAME_INCOMPLETE, FRAME_BROKEN };

// Finds the first frame of `size` bytes: its message begins at `*head` and has `*length` bytes.
enum frame_result frame_find(const uint8_t *bytes, size_t size, size_t *head, size_t *length);

// malloc and strdup that do not return without memory: then nothing sensible is left to do.
void *allocate(size_t size);
char *duplicate(const char *text);

// ---- runs (runs.c)

enum run_state {
    // About to be forked, or its init has been. Leaves for `RUNNING` at exec, for `FAILED` if that or something before
    // it fails.
    LAUNCHING,
    // Its program runs. Leaves for `ENDING` when its first process ends.
    RUNNING,
    // Its first process has ended, others may be left. Leaves for `ENDED` when none is.
    ENDING,
    // Told. Stays until the agent says that it may be forgotten.
    ENDED,
    // Nothing was executed. Stays likewise.
    FAILED
};

struct run {
    uint64_t id;
    enum run_state state;
    // Of its first process; 0 before the fork and after that process was reaped.
    pid_t pid;
    // A directory below a cgroup mount, or "".
    char *tracking;
    // NAME=value in the environment of its processes, or "".
    char *mark;
    // As waitpid() gives it.
    int status;
    bool destroyed;
    // Started by a predecessor of this process.
    bool lost;
    enum _Meseta__Wire__SupervisorStage stage;
    int error;
    // How often its processes were looked for while some could not be told apart from others'.
    int unclear_looks;
    // Of a lost run, at the last look: its processes, and those of which nobody could say.
    size_t found, unclear;
    // Where its first process is an init of ours, what that reports comes out here; -1 otherwise.
    int init_pipe;
    bool has_init;
    // By what its init reported: `status` is that of the program.
    bool program_ended;
    // Until launched: the command that ordered it.
    Meseta__Wire__SupervisorCommand *command;
    struct run *next_by_id;
    // In the queue of launches, then in that of ending runs, at last among those to free.
    struct run *next_in_queue;
};

// All runs, by id, in chains.
enum { RUN_BUCKETS = 1024 };
extern struct run *runs_by_id[RUN_BUCKETS];

struct run *run_find(uint64_t id);
struct run *run_find_pid(pid_t pid);
struct run *run_add(uint64_t id, const char *tracking, const char *mark);
// Runs that are not ended; those of them whose first process is not; runs of any state.
size_t runs_live(void);
size_t runs_executing(void);
size_t runs_known(void);
void run_set_pid(struct run *run, pid_t pid);

struct launched;

void run_start(Meseta__Wire__SupervisorCommand *command);
void run_signal(uint64_t id, int signal, bool everything);
void run_destroy(uint64_t id);
void run_destroy_all(void);
void run_forget(uint64_t id);
// Takes what came of a launch.
void run_launched(struct run *run, const struct launched *result);
// There is something in `run->init_pipe`.
void run_init_said(struct run *run);
// Reaps whatever has ended.
void runs_reap(void);
// Forks what was ordered, and looks whether ending runs have come to their end. At the end of each turn of the loop.
void runs_advance(void);
// A run of the journal that has no end: what is left of it is killed.
void run_add_lost(struct run *run);
// Milliseconds until ending runs must be looked at again; -1 if there are none.
int runs_wait_ms(void);
void runs_append_snapshot(struct buffer *buffer);

// ---- launching (launch.c)

// What came of a launch.
struct launched {
    // Of the first process; -1: nothing was forked, and `error` says why.
    pid_t pid;
    // Where it failed on the way to its program, which is then about to end, and errno; 0 if it did not.
    int stage, error;
    // Where an init will report that; -1 if there is none, and the program runs already.
    int init_pipe;
};

// What a process needs of a stack before it executes its program.
enum { LAUNCH_STACK = 256 << 10 };

// Makes the first process of a run. `stack` has LAUNCH_STACK bytes, for one launch at a time.
struct launched launch(const Meseta__Wire__SupervisorStart *start, char *stack);

// ---- launches side by side (launchers.c)

// Launches what `run->command` says; `run_launched` follows. False if there are no threads for that.
bool launchers_add(struct run *run);
// Some have been given that are not done; as many as is sensible.
bool launchers_are_busy(void);
bool launchers_are_full(void);
// Takes what is done; waits until something is, if anything is under way.
void launchers_take(void);
void launchers_wait(void);

// What an init writes to its pipe: first whether the program runs, then how it ended.
struct init_report {
    // 0 if it runs; INIT_ENDED with the end; else where it failed.
    int32_t stage;
    // errno, or the status.
    int32_t value;
};
enum { INIT_ENDED = -1 };

// A signal to an init, by sigqueue(): what it is to pass on goes to the group of its program, or to everything.
enum { SIGNAL_GROUP = 0, SIGNAL_EVERYTHING = 1 };

// Moves this process into a control group.
bool launch_join(const char *directory);
bool launch_become_user(const Meseta__Wire__SupervisorStart *start);

// ---- probes (probe.c)

void probe_start(const Meseta__Wire__SupervisorProbe *order);
// Whether that is the first process of one; takes its end, if it has ended.
bool probe_owns(pid_t pid);
bool probe_reap(pid_t pid);
// Reads what they write.
void probes_read(void);
// Ends those whose time is over, and tells the ends of those of which nothing is left.
void probes_advance(void);
// Milliseconds until they must be looked at again; -1 if none need be.
int probes_wait_ms(void);
// The agent that wanted them is gone; a run ends.
void probes_abandon(void);
void probes_end_of(uint64_t run);

// ---- finding and killing (sweep.c)

// Looks once through all processes of the machine for those of the lost runs in a queue: nobody's children, they are
// found by their marks alone. To be called before `sweep` of one of them.
void sweep_lost(struct run *first);
// SIGKILL to every process of the run; returns whether none is left.
bool sweep(struct run *run);
// SIGKILL to what became a child of this process and has that NAME=value in its environment; returns how many.
size_t kill_children_marked(const char *mark);
// A signal to every process of the run.
void signal_everything(struct run *run, int signal);
// A signal for an init to pass on; SIGKILL and SIGSTOP hit itself.
void signal_init(const struct run *run, int signal, int whom);

// ---- the journal (journal.c)

// Opens it and tells `run_*` what it holds. A torn end is cut off.
void journal_open(void);
void journal_launching(const struct run *run);
void journal_ended(const struct run *run);
void journal_forgotten(uint64_t id);
// Writes what was told since the last time. False if the disk does not take it: it stays, to be written later.
bool journal_flush(void);
bool journal_is_behind(void);
void journal_remove(void);

// ---- the agent (link.c)

void link_listen(void);
void link_accept(void);
void link_read(void);
// Writes what was told since the last time.
void link_flush(void);
// Whether an agent is connected.
bool link_is_up(void);
void link_tell_started(const struct run *run);
void link_tell_ended(const struct run *run);
void link_tell_unknown(uint64_t id);
void link_tell_probed(Meseta__Wire__SupervisorProbed *probed);

// ---- the loop (main.c)

extern int epoll_set;
extern const char tag_signals, tag_listener, tag_link, tag_probes, tag_launchers;

// The agent has told that the framework is done here.
extern bool finishing;

// One line on standard error.
void say(const char *what, const char *detail, int error);
_Noreturn void fail(const char *what, const char *detail, int error);

// Milliseconds of the monotonic clock.
int64_t now_ms(void);

// Reads a small file of /proc or a cgroup whole; the length, or -1. Always ends with a NUL.
ssize_t read_small(const char *path, char *into, size_t size);

#endif
