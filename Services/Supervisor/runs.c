// The table of runs, and what becomes of each.
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor.h"

// First and longest pause between two looks at processes that have been killed and are not gone, in milliseconds.
enum { SWEEP_PAUSE_MIN = 2, SWEEP_PAUSE_MAX = 512 };
// So many launches are told of at a time, and what has ended is looked at in between.
enum { LAUNCHES_AT_ONCE = 4 };

struct run *runs_by_id[RUN_BUCKETS];

static size_t live_count, ending_count, known_count;
// Orders not carried out yet, in order of arrival.
static struct run *launch_first, **launch_end = &launch_first;
static struct run *ending_first;
static struct run *forgotten_first;
static int sweep_pause = SWEEP_PAUSE_MIN;

// Runs by the pid of their first process.
struct pid_entry {
    pid_t pid;
    struct run *run;
    struct pid_entry *next;
};
static struct pid_entry *runs_by_pid[RUN_BUCKETS];

size_t runs_live(void) { return live_count; }
size_t runs_known(void) { return known_count; }
size_t runs_executing(void) { return live_count - ending_count; }

struct run *run_find(uint64_t id) {
    struct run *run = runs_by_id[id % RUN_BUCKETS];
    while (run && run->id != id) run = run->next_by_id;
    return run;
}

struct run *run_find_pid(pid_t pid) {
    struct pid_entry *entry = runs_by_pid[(unsigned)pid % RUN_BUCKETS];
    while (entry && entry->pid != pid) entry = entry->next;
    return entry ? entry->run : NULL;
}

void run_set_pid(struct run *run, pid_t pid) {
    struct pid_entry *entry = allocate(sizeof *entry);
    struct pid_entry **chain = &runs_by_pid[(unsigned)pid % RUN_BUCKETS];
    *entry = (struct pid_entry){pid, run, *chain};
    *chain = entry;
    run->pid = pid;
}

static void clear_pid(struct run *run) {
    struct pid_entry **link = &runs_by_pid[(unsigned)run->pid % RUN_BUCKETS];
    while ((*link)->pid != run->pid) link = &(*link)->next;
    struct pid_entry *entry = *link;
    *link = entry->next;
    free(entry);
    run->pid = 0;
}

struct run *run_add(uint64_t id, const char *tracking, const char *mark) {
    struct run *run = allocate(sizeof *run);
    struct run **chain = &runs_by_id[id % RUN_BUCKETS];
    *run = (struct run){
        .id = id, .state = LAUNCHING, .tracking = duplicate(tracking), .mark = duplicate(mark), .init_pipe = -1,
        .next_by_id = *chain,
    };
    *chain = run;
    known_count++;
    return run;
}

static void end(struct run *run, enum run_state state) {
    run->state = state;
    live_count--;
    journal_ended(run);
    link_tell_ended(run);
}

static void fail_launch(struct run *run, enum _Meseta__Wire__SupervisorStage stage, int error) {
    run->stage = stage;
    run->error = error;
    end(run, FAILED);
}

static void enqueue_ending(struct run *run) {
    run->state = ENDING;
    probes_end_of(run->id);
    ending_count++;
    run->next_in_queue = ending_first;
    ending_first = run;
    sweep_pause = SWEEP_PAUSE_MIN;
}

void run_add_lost(struct run *run) {
    live_count++;
    run->lost = true;
    run->status = SIGKILL;
    enqueue_ending(run);
}

void run_start(Meseta__Wire__SupervisorCommand *command) {
    const Meseta__Wire__SupervisorStart *start = command->start;
    struct run *known = run_find(start->run);
    if (known) {
        if (known->state == RUNNING) link_tell_started(known);
        if (known->state == ENDED || known->state == FAILED) link_tell_ended(known);
        meseta__wire__supervisor_command__free_unpacked(command, NULL);
        return;
    }
    struct run *run = run_add(start->run, start->tracking, start->mark);
    run->command = command;
    live_count++;
    journal_launching(run);
    *launch_end = run;
    launch_end = &run->next_in_queue;
}

static void started(struct run *run) {
    run->state = RUNNING;
    link_tell_started(run);
}

static void destroy(struct run *run);

void run_launched(struct run *run, const struct launched *result) {
    bool plain = run->command->start->namespaces == 0;
    meseta__wire__supervisor_command__free_unpacked(run->command, NULL);
    run->command = NULL;
    if (result->pid < 0) {
        fail_launch(
            run, plain ? MESETA__WIRE__SUPERVISOR_STAGE__STAGE_FORK : MESETA__WIRE__SUPERVISOR_STAGE__STAGE_NAMESPACE,
            result->error);
        return;
    }
    run_set_pid(run, result->pid);
    run->stage = (enum _Meseta__Wire__SupervisorStage)result->stage;
    run->error = result->error;
    if (result->init_pipe >= 0) {
        run->init_pipe = result->init_pipe;
        run->has_init = true;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = run};
        if (epoll_ctl(epoll_set, EPOLL_CTL_ADD, run->init_pipe, &event) != 0)
            fail("cannot watch a launch", NULL, errno);
    } else if (run->stage == 0) {
        started(run);
    }
    // Otherwise it is told when the child has been reaped.
    if (run->destroyed) destroy(run);
}

static void launch_now(struct run *run) {
    static _Alignas(16) char stack[LAUNCH_STACK];
    struct launched result = launch(run->command->start, stack);
    run_launched(run, &result);
}

static void drop_launch(struct run *run, enum _Meseta__Wire__SupervisorStage stage, int error) {
    meseta__wire__supervisor_command__free_unpacked(run->command, NULL);
    run->command = NULL;
    fail_launch(run, stage, error);
}

// Carries out the first of the orders that wait. An init is forked without waiting for its program; of other launches
// one is made here, and what comes on top of it by the launchers.
static void launch_queued(void) {
    if (!launch_first) return;
    bool journaled = journal_flush();
    int error = errno;
    for (size_t count = 0; launch_first && count < LAUNCHES_AT_ONCE; count++) {
        struct run *run = launch_first;
        bool alone = !run->next_in_queue && !launchers_are_busy();
        bool waits = !(run->command->start->namespaces & CLONE_NEWPID);
        if (waits && !alone && launchers_are_full()) return;
        launch_first = run->next_in_queue;
        if (!launch_first) launch_end = &launch_first;
        run->next_in_queue = NULL;
        if (!journaled) {
            drop_launch(run, MESETA__WIRE__SUPERVISOR_STAGE__STAGE_JOURNAL, error);
        } else if (run->destroyed) {
            drop_launch(run, MESETA__WIRE__SUPERVISOR_STAGE__STAGE_FORK, ECANCELED);
        } else if (!waits || alone || !launchers_add(run)) {
            launch_now(run);
        }
    }
}

// Until no launch is under way or waits.
static void finish_launches(void) {
    while (launch_first || launchers_are_busy()) {
        launch_queued();
        launchers_wait();
    }
}

// Takes what an init has reported. Nothing more follows the end of the pipe: the run then ends as its init did.
static void read_init(struct run *run) {
    struct init_report report;
    ssize_t size = read(run->init_pipe, &report, sizeof report);
    if (size != sizeof report) {
        epoll_ctl(epoll_set, EPOLL_CTL_DEL, run->init_pipe, NULL);
        close(run->init_pipe);
        run->init_pipe = -1;
    } else if (report.stage == INIT_ENDED) {
        run->status = report.value;
        run->program_ended = true;
    } else if (report.stage == 0) {
        started(run);
    } else {
        run->stage = (enum _Meseta__Wire__SupervisorStage)report.stage;
        run->error = report.value;
    }
}

void run_init_said(struct run *run) {
    if (run->init_pipe >= 0) read_init(run);
}

// Takes the end of a run's first process, which is still a zombie: until it is reaped nothing else gets its pid, so
// that its group can be killed without hitting anybody else.
static void reap_first(struct run *run) {
    while (run->init_pipe >= 0) read_init(run);
    kill(-run->pid, SIGKILL);
    int status;
    waitpid(run->pid, &status, 0);
    // Of its program, if an init has told.
    if (!run->program_ended) run->status = status;
    clear_pid(run);
    if (run->state == LAUNCHING && run->stage == 0) {
        // An init that was killed on its way, as its program would have been.
        started(run);
    }
    if (run->state == LAUNCHING) {
        fail_launch(run, run->stage, run->error);
    } else {
        enqueue_ending(run);
    }
}

void runs_reap(void) {
    for (;;) {
        siginfo_t about = {0};
        if (waitid(P_ALL, 0, &about, WEXITED | WNOHANG | WNOWAIT) != 0 || about.si_pid == 0) break;
        struct run *run = run_find_pid(about.si_pid);
        if (run) {
            reap_first(run);
        } else if (probe_reap(about.si_pid)) {
            continue;
        } else if (launchers_are_busy()) {
            // Perhaps of a run whose launch was not told of yet.
            launchers_wait();
        } else {
            // A process whose parent, of some run, died before it.
            waitpid(about.si_pid, NULL, 0);
        }
    }
}

static void sweep_ending(void) {
    sweep_lost(ending_first);
    struct run **link = &ending_first;
    while (*link) {
        struct run *run = *link;
        if (!sweep(run)) {
            link = &run->next_in_queue;
            continue;
        }
        *link = run->next_in_queue;
        run->next_in_queue = NULL;
        ending_count--;
        end(run, ENDED);
    }
}

void runs_advance(void) {
    launch_queued();
    sweep_ending();
    while (forgotten_first) {
        struct run *run = forgotten_first;
        forgotten_first = run->next_in_queue;
        free(run->tracking);
        free(run->mark);
        free(run);
    }
}

int runs_wait_ms(void) {
    if (launch_first && !launchers_are_full()) return 0;
    if (!ending_first) return -1;
    int pause = sweep_pause;
    if (sweep_pause < SWEEP_PAUSE_MAX) sweep_pause *= 2;
    return pause;
}

void run_signal(uint64_t id, int signal, bool everything) {
    struct run *run = run_find(id);
    // It is meant for the program, not for what is on the way to it.
    if (run && run->state == LAUNCHING && !run->pid) finish_launches();
    if (!run) {
        link_tell_unknown(id);
    } else if (run->state == ENDED || run->state == FAILED) {
        link_tell_ended(run);
    } else if (everything) {
        signal_everything(run, signal);
    } else if (run->pid && run->has_init) {
        signal_init(run, signal, SIGNAL_GROUP);
    } else if (run->pid && kill(-run->pid, signal) != 0) {
        kill(run->pid, signal);  // It has not got its own session yet.
    }
}

static void destroy(struct run *run) {
    run->destroyed = true;
    // Its end, seen by `runs_reap`, is what kills the rest.
    if (run->pid && kill(-run->pid, SIGKILL) != 0) kill(run->pid, SIGKILL);
    if (run->state == RUNNING) sweep(run);
}

void run_destroy(uint64_t id) {
    struct run *run = run_find(id);
    if (!run) {
        link_tell_unknown(id);
    } else if (run->state == ENDED || run->state == FAILED) {
        link_tell_ended(run);
    } else {
        destroy(run);
    }
}

void run_destroy_all(void) {
    for (size_t bucket = 0; bucket < RUN_BUCKETS; bucket++)
        for (struct run *run = runs_by_id[bucket]; run; run = run->next_by_id)
            if (run->state != ENDED && run->state != FAILED) destroy(run);
}

void run_forget(uint64_t id) {
    struct run **link = &runs_by_id[id % RUN_BUCKETS];
    while (*link && (*link)->id != id) link = &(*link)->next_by_id;
    struct run *run = *link;
    if (!run || (run->state != ENDED && run->state != FAILED)) return;
    *link = run->next_by_id;
    known_count--;
    journal_forgotten(id);
    // An event of this turn of the loop may still point to it.
    run->next_in_queue = forgotten_first;
    forgotten_first = run;
}

void runs_append_snapshot(struct buffer *buffer) {
    Meseta__Wire__SupervisorSnapshot snapshot = MESETA__WIRE__SUPERVISOR_SNAPSHOT__INIT;
    Meseta__Wire__SupervisorRun *lives = allocate(known_count * sizeof *lives);
    Meseta__Wire__SupervisorExit *exits = allocate(known_count * sizeof *exits);
    Meseta__Wire__SupervisorFailure *failures = allocate(known_count * sizeof *failures);
    snapshot.runs = allocate(known_count * sizeof *snapshot.runs);
    snapshot.exits = allocate(known_count * sizeof *snapshot.exits);
    snapshot.failures = allocate(known_count * sizeof *snapshot.failures);
    for (size_t bucket = 0; bucket < RUN_BUCKETS; bucket++)
        for (struct run *run = runs_by_id[bucket]; run; run = run->next_by_id) {
            if (run->state == ENDED) {
                Meseta__Wire__SupervisorExit *exit = &exits[snapshot.n_exits];
                meseta__wire__supervisor_exit__init(exit);
                exit->run = run->id;
                exit->status = run->status;
                exit->destroyed = run->destroyed;
                exit->lost = run->lost;
                snapshot.exits[snapshot.n_exits++] = exit;
            } else if (run->state == FAILED) {
                Meseta__Wire__SupervisorFailure *failure = &failures[snapshot.n_failures];
                meseta__wire__supervisor_failure__init(failure);
                failure->run = run->id;
                failure->stage = run->stage;
                failure->error = run->error;
                snapshot.failures[snapshot.n_failures++] = failure;
            } else {
                Meseta__Wire__SupervisorRun *life = &lives[snapshot.n_runs];
                meseta__wire__supervisor_run__init(life);
                life->run = run->id;
                life->pid = run->pid;
                snapshot.runs[snapshot.n_runs++] = life;
            }
        }
    snapshot.pid = getpid();
    snapshot.version = 4;
    Meseta__Wire__SupervisorEvent event = MESETA__WIRE__SUPERVISOR_EVENT__INIT;
    event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_SNAPSHOT;
    event.snapshot = &snapshot;
    buffer_append_frame(buffer, &event.base);
    free(lives), free(exits), free(failures);
    free(snapshot.runs), free(snapshot.exits), free(snapshot.failures);
}
