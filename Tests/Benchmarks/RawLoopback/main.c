// How many messages a second two processes exchange over TCP on this machine, with nothing around them: what rates of offers, tasks
// and updates are held against.
//
//     raw-loopback SECONDS CONNECTIONS BATCH BYTES
//
// One process sends BATCH messages of BYTES on each connection and waits for them to come back before it sends the next; the other
// sends back what comes. Both use epoll, one read and one write for whatever is there. A message that goes there and back counts twice.
//
// Prints one line: messages, seconds, processor seconds of both.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, LARGEST_BATCH = 1 << 20 };

static char buffer[LARGEST_BATCH];

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "raw-loopback: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double seconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double processor_seconds(int who) {
    struct rusage usage;
    getrusage(who, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void watch(int poll, int socket) {
    int on = 1;
    setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = socket};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event)) fail("epoll_ctl");
}

// A batch is smaller than a socket's buffer, so it is taken whole.
static void send_all(int socket, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t sent = write(socket, bytes, count);
        if (sent < 0 && errno != EINTR) fail("write");
        if (sent > 0) bytes += sent, count -= (size_t)sent;
    }
}

static _Noreturn void echo(int listener, int connections) {
    int poll = epoll_create1(0);
    for (int count = 0; count < connections; count++) {
        int socket = accept(listener, NULL, NULL);
        if (socket < 0) fail("accept");
        watch(poll, socket);
    }
    struct epoll_event events[EVENTS];
    for (int open = connections; open > 0;) {
        int ready = epoll_wait(poll, events, EVENTS, -1);
        for (int index = 0; index < ready; index++) {
            int socket = events[index].data.fd;
            ssize_t count = read(socket, buffer, sizeof buffer);
            if (count > 0) {
                send_all(socket, buffer, (size_t)count);
            } else {
                close(socket);
                open--;
            }
        }
    }
    exit(0);
}

static void connect_all(int poll, const struct sockaddr_in *address, int connections, size_t batch) {
    for (int count = 0; count < connections; count++) {
        int socket_number = socket(AF_INET, SOCK_STREAM, 0);
        if (socket_number < 0) fail("socket");
        if (connect(socket_number, (const struct sockaddr *)address, sizeof *address)) fail("connect");
        watch(poll, socket_number);
        send_all(socket_number, buffer, batch);
    }
}

// Bytes that came back.
static unsigned long long exchange(int poll, double end, size_t batch, size_t *back) {
    struct epoll_event events[EVENTS];
    unsigned long long bytes = 0;
    while (seconds(CLOCK_MONOTONIC) < end) {
        int ready = epoll_wait(poll, events, EVENTS, 100);
        for (int index = 0; index < ready; index++) {
            int socket = events[index].data.fd;
            ssize_t count = read(socket, buffer, sizeof buffer);
            if (count <= 0) fail("read");
            bytes += (unsigned long long)count;
            back[socket] += (size_t)count;
            if (back[socket] < batch) continue;
            back[socket] -= batch;
            send_all(socket, buffer, batch);
        }
    }
    return bytes;
}

int main(int count, char **arguments) {
    double length = count == 5 ? atof(arguments[1]) : 0;
    int connections = count == 5 ? atoi(arguments[2]) : 0, messages = count == 5 ? atoi(arguments[3]) : 0;
    int size = count == 5 ? atoi(arguments[4]) : 0;
    if (length <= 0 || connections < 1 || messages < 1 || size < 1 || (long)messages * size > 100000) {
        fprintf(stderr, "usage: raw-loopback SECONDS CONNECTIONS BATCH BYTES, with a batch of at most 100,000 bytes\n");
        return 64;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length_of_address = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096) ||
        getsockname(listener, (struct sockaddr *)&address, &length_of_address))
        fail("listen");
    pid_t other = fork();
    if (other < 0) fail("fork");
    if (other == 0) echo(listener, connections);
    size_t batch = (size_t)messages * (size_t)size, *back = calloc((size_t)connections + 64, sizeof *back);
    if (!back) fail("calloc");
    int poll = epoll_create1(0);
    connect_all(poll, &address, connections, batch);
    double start = seconds(CLOCK_MONOTONIC), before = processor_seconds(RUSAGE_SELF);
    unsigned long long bytes = exchange(poll, start + length, batch, back);
    double passed = seconds(CLOCK_MONOTONIC) - start, used = processor_seconds(RUSAGE_SELF) - before;
    // The other one sees its connections end, and ends.
    for (int socket = 3; socket < connections + 64; socket++) close(socket);
    waitpid(other, NULL, 0);
    used += processor_seconds(RUSAGE_CHILDREN);
    printf("%llu %.3f %.3f\n", 2 * bytes / (unsigned long long)size, passed, used);
    return 0;
}
