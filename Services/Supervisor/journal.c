// The journal: which runs there are and how they ended, for the agent to read after whatever happens to either side.
//
// Frames appended to one file, written before the agent is told; not synced, since no run outlives the machine's boot.
// Forgotten runs are left out when the file is rewritten: at the start, and when most of it is about them.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "supervisor.h"

// The journal is rewritten when it has twice the bytes it had after the last time, and this many more.
enum { REWRITE_AFTER = 256 << 10 };

static const char journal_name[] = "journal", new_journal_name[] = "journal.new";
static int file = -1;
// Bytes of whole records in the file, now and when it was last rewritten.
static size_t written, rewritten;
static struct buffer waiting;

static void append(const Meseta__Wire__SupervisorJournalRecord *record) {
    buffer_append_frame(&waiting, &record->base);
}

void journal_launching(const struct run *run) {
    Meseta__Wire__SupervisorRun message = MESETA__WIRE__SUPERVISOR_RUN__INIT;
    message.run = run->id;
    message.tracking = run->tracking;
    message.mark = run->mark;
    Meseta__Wire__SupervisorJournalRecord record = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__INIT;
    record.kind_case = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_LAUNCHING;
    record.launching = &message;
    append(&record);
}

void journal_ended(const struct run *run) {
    Meseta__Wire__SupervisorJournalRecord record = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__INIT;
    Meseta__Wire__SupervisorExit end = MESETA__WIRE__SUPERVISOR_EXIT__INIT;
    Meseta__Wire__SupervisorFailure failure = MESETA__WIRE__SUPERVISOR_FAILURE__INIT;
    if (run->state == FAILED) {
        failure.run = run->id;
        failure.stage = run->stage;
        failure.error = run->error;
        record.kind_case = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_FAILED;
        record.failed = &failure;
    } else {
        end.run = run->id;
        end.status = run->status;
        end.destroyed = run->destroyed;
        end.lost = run->lost;
        record.kind_case = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_EXITED;
        record.exited = &end;
    }
    append(&record);
}

void journal_forgotten(uint64_t id) {
    Meseta__Wire__SupervisorJournalRecord record = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__INIT;
    record.kind_case = MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_FORGOTTEN;
    record.forgotten = id;
    append(&record);
}

bool journal_is_behind(void) { return waiting.length > waiting.start; }

// Writes a new file that holds the known runs alone, and puts it in the place of the old one.
static bool rewrite(void) {
    struct buffer all = {0}, kept = waiting;
    waiting = all;
    for (size_t bucket = 0; bucket < RUN_BUCKETS; bucket++)
        for (struct run *run = runs_by_id[bucket]; run; run = run->next_by_id) {
            journal_launching(run);
            if (run->state == ENDED || run->state == FAILED) journal_ended(run);
        }
    all = waiting;
    waiting = kept;
    int next = open(new_journal_name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
    bool done = next >= 0 && write(next, all.data, all.length) == (ssize_t)all.length
        && rename(new_journal_name, journal_name) == 0;
    if (done) {
        if (file >= 0) close(file);
        file = next;
        written = rewritten = all.length;
    } else {
        say("cannot rewrite the journal", NULL, errno);
        if (next >= 0) close(next);
        unlink(new_journal_name);
    }
    free(all.data);
    return done;
}

bool journal_flush(void) {
    size_t size = waiting.length - waiting.start;
    if (size == 0) return true;
    ssize_t count = write(file, waiting.data + waiting.start, size);
    if (count != (ssize_t)size) {
        int error = count < 0 ? errno : ENOSPC;
        // Half a record would hide all that follow.
        if (count > 0 && ftruncate(file, (off_t)written) != 0) fail("cannot repair the journal", NULL, errno);
        say("cannot write the journal; trying again", NULL, error);
        errno = error;
        return false;
    }
    written += size;
    buffer_drop(&waiting, size);
    if (written > 2 * rewritten + REWRITE_AFTER) rewrite();
    return true;
}

static void replay_end(uint64_t id, enum run_state state) {
    struct run *run = run_find(id);
    if (!run) run = run_add(id, "", "");
    run->state = state;
}

static void replay(const Meseta__Wire__SupervisorJournalRecord *record) {
    switch (record->kind_case) {
    case MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_LAUNCHING:
        if (!run_find(record->launching->run))
            run_add(record->launching->run, record->launching->tracking, record->launching->mark);
        break;
    case MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_EXITED: {
        replay_end(record->exited->run, ENDED);
        struct run *run = run_find(record->exited->run);
        run->status = record->exited->status;
        run->destroyed = record->exited->destroyed;
        run->lost = record->exited->lost;
        break;
    }
    case MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_FAILED: {
        replay_end(record->failed->run, FAILED);
        struct run *run = run_find(record->failed->run);
        run->stage = record->failed->stage;
        run->error = record->failed->error;
        break;
    }
    case MESETA__WIRE__SUPERVISOR_JOURNAL_RECORD__KIND_FORGOTTEN: {
        struct run *run = run_find(record->forgotten);
        if (!run) break;
        if (run->state == LAUNCHING) run->state = ENDED;
        run_forget(record->forgotten);
        break;
    }
    default: break;
    }
}

// Reads the old journal up to its first record that is not whole.
static void load(const uint8_t *bytes, size_t size) {
    size_t position = 0, head, length;
    while (position < size) {
        if (frame_find(bytes + position, size - position, &head, &length) != FRAME_COMPLETE) break;
        Meseta__Wire__SupervisorJournalRecord *record = meseta__wire__supervisor_journal_record__unpack(
            NULL, length, bytes + position + head);
        if (!record) break;
        replay(record);
        meseta__wire__supervisor_journal_record__free_unpacked(record, NULL);
        position += head + length;
    }
    if (position < size) say("the journal ends in a torn record, which is cut off", NULL, 0);
}

void journal_open(void) {
    int old = open(journal_name, O_RDONLY | O_CLOEXEC);
    if (old >= 0) {
        struct stat about;
        if (fstat(old, &about) != 0) fail("cannot read the journal", NULL, errno);
        struct buffer content = {0};
        size_t size = (size_t)about.st_size;
        uint8_t *bytes = buffer_reserve(&content, size);
        if (read(old, bytes, size) != (ssize_t)size) fail("cannot read the journal", NULL, errno);
        close(old);
        load(bytes, size);
        free(content.data);
        // What was replayed need not be written again.
        buffer_drop(&waiting, waiting.length - waiting.start);
    } else if (errno != ENOENT) {
        fail("cannot open the journal", NULL, errno);
    }
    if (!rewrite()) fail("cannot write the journal", NULL, errno);
    for (size_t bucket = 0; bucket < RUN_BUCKETS; bucket++)
        for (struct run *run = runs_by_id[bucket]; run; run = run->next_by_id)
            if (run->state == LAUNCHING) run_add_lost(run);
}

void journal_remove(void) { unlink(journal_name); }
