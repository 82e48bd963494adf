// How long the way of one task takes with nothing to do on it: what the latency of a task is held against.
//
//     raw-chain ROUNDS PAUSE BYTES FILE
//
// Five processes, connected over TCP on loopback as scheduler, master, relay, agent and executor are. A message of BYTES goes from the
// first through all of them to the last and back past the master, seven times from one to the next; both times that it passes the
// agent, as many bytes are written into FILE and synced. Each process sleeps until a message wakes it. PAUSE microseconds later comes the
// next.
//
// Prints microseconds, a line for each round.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SCHEDULER, MASTER, RELAY, AGENT, EXECUTOR, ROLES, BYTES_LIMIT = 4096, FILE_BYTES = 64 << 10 };

static const unsigned char route[] = {SCHEDULER, MASTER, RELAY, AGENT, EXECUTOR, AGENT, RELAY, SCHEDULER};

// sockets[a][b] is the end that a has of its connection with b, or -1.
static int sockets[ROLES][ROLES];
static unsigned char message[BYTES_LIMIT];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "raw-chain: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void connect_roles(int one, int other) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0), dialled = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (listener < 0 || dialled < 0) fail("socket");
    if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0) fail("listen");
    if (getsockname(listener, (struct sockaddr *)&address, &size) < 0) fail("getsockname");
    if (connect(dialled, (struct sockaddr *)&address, size) < 0) fail("connect");
    int accepted = accept(listener, NULL, NULL);
    if (accepted < 0) fail("accept");
    close(listener);
    setsockopt(dialled, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockets[one][other] = dialled;
    sockets[other][one] = accepted;
}

// Keeps the ends of one role, and returns what waits for messages on them.
static int take_ends(int role) {
    int poll = epoll_create1(0);
    if (poll < 0) fail("epoll_create1");
    for (int one = 0; one < ROLES; one++)
        for (int other = 0; other < ROLES; other++) {
            if (sockets[one][other] < 0) continue;
            struct epoll_event event = {.events = EPOLLIN, .data.fd = sockets[one][other]};
            if (one != role) close(sockets[one][other]);
            else if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[one][other], &event) < 0) fail("epoll_ctl");
        }
    return poll;
}

static void pass_on(int role, size_t bytes) {
    message[0]++;
    if (send(sockets[role][route[message[0]]], message, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) fail("send");
}

// Waits for the next message; returns 0 when whoever would send it is gone.
static int receive(int poll, size_t bytes) {
    struct epoll_event event;
    while (epoll_wait(poll, &event, 1, -1) < 0)
        if (errno != EINTR) fail("epoll_wait");
    ssize_t count = recv(event.data.fd, message, bytes, MSG_WAITALL);
    if (count < 0) fail("recv");
    return count == (ssize_t)bytes;
}

static _Noreturn void serve(int role, size_t bytes, int file) {
    off_t offset = 0;
    int poll = take_ends(role);
    while (receive(poll, bytes)) {
        if (role == AGENT) {
            if (offset + (off_t)bytes > FILE_BYTES) offset = 0;
            if (pwrite(file, message, bytes, offset) != (ssize_t)bytes || fdatasync(file) < 0) fail("the file");
            offset += (off_t)bytes;
        }
        pass_on(role, bytes);
    }
    exit(0);
}

int main(int count, char **words) {
    long rounds = count == 5 ? atol(words[1]) : 0, pause = count == 5 ? atol(words[2]) : -1, bytes = count == 5 ? atol(words[3]) : 0;
    if (rounds < 1 || pause < 0 || bytes < 1 || bytes > BYTES_LIMIT) {
        fprintf(stderr, "usage: raw-chain ROUNDS PAUSE BYTES FILE; BYTES up to %d\n", BYTES_LIMIT);
        return 64;
    }
    // As long as it will be: a sync that makes a file longer takes more.
    static unsigned char zeros[FILE_BYTES];
    int file = open(words[4], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0 || pwrite(file, zeros, sizeof zeros, 0) != sizeof zeros || fsync(file) < 0) fail(words[4]);
    memset(sockets, -1, sizeof sockets);
    for (int role = SCHEDULER; role < EXECUTOR; role++) connect_roles(role, role + 1);
    connect_roles(RELAY, SCHEDULER);
    for (int role = MASTER; role < ROLES; role++) {
        pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) serve(role, (size_t)bytes, file);
    }
    int poll = take_ends(SCHEDULER);
    for (long round = 0; round < rounds; round++) {
        usleep((useconds_t)pause);
        double start = now();
        message[0] = 0;
        pass_on(SCHEDULER, (size_t)bytes);
        if (!receive(poll, (size_t)bytes)) fail("a process of the chain has ended");
        printf("%.1f\n", now() - start);
    }
    // The others end one after the other, as their connections do.
    for (int role = MASTER; role < ROLES; role++)
        if (sockets[SCHEDULER][role] >= 0) close(sockets[SCHEDULER][role]);
    while (wait(NULL) > 0) continue;
    return 0;
}
