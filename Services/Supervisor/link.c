// The connection to the agent. One at a time: an agent that comes back replaces what is left of its former life.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor.h"

enum {
    READ_SIZE = 64 << 10,
    // An agent that leaves this much unread is given up; the snapshot of its next connection has it all.
    UNREAD_LIMIT = 64 << 20
};

static const char socket_name[] = "socket";
static int listener = -1, connection = -1;
static struct buffer in, out;
static bool waits_to_write;

static void watch(int descriptor, const char *tag, uint32_t events, int operation) {
    struct epoll_event event = {.events = events, .data.ptr = (void *)tag};
    if (epoll_ctl(epoll_set, operation, descriptor, &event) != 0) fail("cannot watch a socket", NULL, errno);
}

void link_listen(void) {
    // The directory is the working directory, so that its path may be longer than a socket's address.
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, socket_name, sizeof socket_name);
    unlink(socket_name);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t mask = umask(0077);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 8) != 0)
        fail("cannot listen on its socket", NULL, errno);
    umask(mask);
    watch(listener, &tag_listener, EPOLLIN, EPOLL_CTL_ADD);
}

static void disconnect(const char *why, int error) {
    if (connection < 0) return;
    if (why) say(why, NULL, error);
    close(connection);
    connection = -1;
    waits_to_write = false;
    probes_abandon();
    buffer_drop(&in, in.length - in.start);
    buffer_drop(&out, out.length - out.start);
}

void link_accept(void) {
    int next = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (next < 0) return;
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(next, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || (peer.uid != 0 && peer.uid != geteuid())) {
        say("refused a connection of another user", NULL, 0);
        close(next);
        return;
    }
    disconnect(connection >= 0 ? "an agent has connected in place of the former one" : NULL, 0);
    connection = next;
    watch(connection, &tag_link, EPOLLIN, EPOLL_CTL_ADD);
    runs_append_snapshot(&out);
}

static bool accept_probe(const Meseta__Wire__SupervisorProbe *probe) {
    const Meseta__Wire__SupervisorStart *start = probe ? probe->start : NULL;
    return start && probe->probe && start->program[0] && start->n_arguments && start->directory[0];
}

static bool accept_start(const Meseta__Wire__SupervisorStart *start) {
    return start && start->program[0] && start->n_arguments && start->directory[0] && start->output[0]
        && start->error[0];
}

// Carries out one command; false if it makes no sense.
static bool obey(Meseta__Wire__SupervisorCommand *command) {
    bool valid = true;
    switch (command->kind_case) {
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_START:
        if (!accept_start(command->start)) {
            valid = false;
            break;
        }
        finishing = false;
        run_start(command);
        return true;  // It keeps the command.
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_SIGNAL:
        run_signal(command->signal->run, command->signal->signal, command->signal->everything);
        break;
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_DESTROY: run_destroy(command->destroy); break;
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FORGET: run_forget(command->forget); break;
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_FINISH: finishing = true; break;
    case MESETA__WIRE__SUPERVISOR_COMMAND__KIND_PROBE:
        valid = accept_probe(command->probe);
        if (valid) probe_start(command->probe);
        break;
    default: valid = false;
    }
    meseta__wire__supervisor_command__free_unpacked(command, NULL);
    return valid;
}

// Obeys every whole frame that has come; false if one is broken.
static bool obey_all(void) {
    size_t head, length;
    for (;;) {
        const uint8_t *bytes = in.data + in.start;
        enum frame_result result = frame_find(bytes, in.length - in.start, &head, &length);
        if (result != FRAME_COMPLETE) return result == FRAME_INCOMPLETE;
        if (length) {
            Meseta__Wire__SupervisorCommand *command = meseta__wire__supervisor_command__unpack(
                NULL, length, bytes + head);
            if (!command || !obey(command)) return false;
        }
        buffer_drop(&in, head + length);
    }
}

static void write_out(void) {
    while (connection >= 0 && out.length > out.start) {
        ssize_t count = send(connection, out.data + out.start, out.length - out.start, MSG_NOSIGNAL);
        if (count > 0) {
            buffer_drop(&out, (size_t)count);
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            disconnect("the agent's connection broke", errno);
        }
    }
    if (connection < 0) return;
    size_t unwritten = out.length - out.start;
    if (unwritten > UNREAD_LIMIT) {
        disconnect("the agent does not read", 0);
    } else if ((unwritten > 0) != waits_to_write) {
        waits_to_write = unwritten > 0;
        watch(connection, &tag_link, EPOLLIN | (waits_to_write ? EPOLLOUT : 0), EPOLL_CTL_MOD);
    }
}

void link_read(void) {
    if (connection < 0) return;
    uint8_t *space = buffer_reserve(&in, READ_SIZE);
    ssize_t count = recv(connection, space, READ_SIZE, 0);
    if (count > 0) {
        in.length += (size_t)count;
        if (!obey_all()) disconnect("a frame could not be read; closed the connection", 0);
    } else if (count == 0) {
        disconnect("the agent has gone", 0);
    } else if (errno != EAGAIN && errno != EINTR) {
        disconnect("the agent's connection broke", errno);
    }
}

void link_flush(void) { write_out(); }

bool link_is_up(void) { return connection >= 0; }

static void tell(const Meseta__Wire__SupervisorEvent *event) {
    if (connection >= 0) buffer_append_frame(&out, &event->base);
}

void link_tell_started(const struct run *run) {
    Meseta__Wire__SupervisorRun message = MESETA__WIRE__SUPERVISOR_RUN__INIT;
    message.run = run->id;
    message.pid = run->pid;
    Meseta__Wire__SupervisorEvent event = MESETA__WIRE__SUPERVISOR_EVENT__INIT;
    event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_STARTED;
    event.started = &message;
    tell(&event);
}

void link_tell_ended(const struct run *run) {
    Meseta__Wire__SupervisorEvent event = MESETA__WIRE__SUPERVISOR_EVENT__INIT;
    Meseta__Wire__SupervisorExit end = MESETA__WIRE__SUPERVISOR_EXIT__INIT;
    Meseta__Wire__SupervisorFailure failure = MESETA__WIRE__SUPERVISOR_FAILURE__INIT;
    if (run->state == FAILED) {
        failure.run = run->id;
        failure.stage = run->stage;
        failure.error = run->error;
        event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_FAILED;
        event.failed = &failure;
    } else {
        end.run = run->id;
        end.status = run->status;
        end.destroyed = run->destroyed;
        end.lost = run->lost;
        event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_EXITED;
        event.exited = &end;
    }
    tell(&event);
}

void link_tell_probed(Meseta__Wire__SupervisorProbed *probed) {
    Meseta__Wire__SupervisorEvent event = MESETA__WIRE__SUPERVISOR_EVENT__INIT;
    event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_PROBED;
    event.probed = probed;
    tell(&event);
}

void link_tell_unknown(uint64_t id) {
    Meseta__Wire__SupervisorEvent event = MESETA__WIRE__SUPERVISOR_EVENT__INIT;
    event.kind_case = MESETA__WIRE__SUPERVISOR_EVENT__KIND_UNKNOWN;
    event.unknown = id;
    tell(&event);
}
