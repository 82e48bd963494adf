// Launches side by side.
//
// Whoever makes a process as launch.c does waits until that has executed its program; where several launches wait, a
// few threads do so on as many processors. They touch nothing but the start of their run and what they return: the
// table of runs, the journal and the connection stay with the first thread, which hears of them through an eventfd.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "supervisor.h"

// More hardly start more processes, and each takes memory. What they need beside the stack of a launch is little.
enum { THREADS_MAX = 4, THREAD_STACK = 64 << 10 };

struct job {
    struct run *run;
    struct launched result;
    struct job *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t has_work = PTHREAD_COND_INITIALIZER, has_result = PTHREAD_COND_INITIALIZER;
// Under the lock.
static struct job *work_first, **work_end = &work_first, *result_first;
// Of the first thread alone.
static size_t threads, busy;
static bool was_tried;
static int done = -1;

static struct job *next_work(void) {
    pthread_mutex_lock(&lock);
    while (!work_first) pthread_cond_wait(&has_work, &lock);
    struct job *job = work_first;
    work_first = job->next;
    if (!work_first) work_end = &work_first;
    pthread_mutex_unlock(&lock);
    return job;
}

static void give_back(struct job *job) {
    pthread_mutex_lock(&lock);
    bool is_first = !result_first;
    job->next = result_first;
    result_first = job;
    pthread_cond_signal(&has_result);
    pthread_mutex_unlock(&lock);
    if (is_first && eventfd_write(done, 1) != 0) fail("cannot tell of a launch", NULL, errno);
}

static void *serve(void *stack) {
    for (;;) {
        struct job *job = next_work();
        job->result = launch(job->run->command->start, stack);
        give_back(job);
    }
    return NULL;
}

static void begin(void) {
    was_tried = true;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (processors < 2) return;
    done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)&tag_launchers};
    if (done < 0 || epoll_ctl(epoll_set, EPOLL_CTL_ADD, done, &event) != 0) return;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK);
    // No signal is theirs.
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    while (threads < (size_t)processors && threads < THREADS_MAX) {
        pthread_t thread;
        char *stack = allocate(LAUNCH_STACK);
        if (pthread_create(&thread, &attributes, serve, stack) != 0) {
            free(stack);
            break;
        }
        threads++;
    }
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    pthread_attr_destroy(&attributes);
}

bool launchers_add(struct run *run) {
    if (!was_tried) begin();
    if (!threads) return false;
    struct job *job = allocate(sizeof *job);
    *job = (struct job){.run = run};
    pthread_mutex_lock(&lock);
    *work_end = job;
    work_end = &job->next;
    pthread_cond_signal(&has_work);
    pthread_mutex_unlock(&lock);
    busy++;
    return true;
}

bool launchers_are_busy(void) { return busy > 0; }

// One more for each than it is at: none waits for the first thread.
bool launchers_are_full(void) { return threads && busy >= 2 * threads; }

static void take(bool waits) {
    pthread_mutex_lock(&lock);
    while (waits && !result_first) pthread_cond_wait(&has_result, &lock);
    struct job *results = result_first;
    result_first = NULL;
    pthread_mutex_unlock(&lock);
    while (results) {
        struct job *job = results;
        results = job->next;
        busy--;
        run_launched(job->run, &job->result);
        free(job);
    }
}

void launchers_wait(void) { take(busy > 0); }

void launchers_take(void) {
    eventfd_t count;
    eventfd_read(done, &count);
    take(false);
}
