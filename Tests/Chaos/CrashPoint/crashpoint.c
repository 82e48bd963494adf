// Each function of the C library that changes a file, with a count behind it.
//
// Reads, and writes to sockets and pipes, are not counted: a crash next to one of those is the same as next to the last that is.
#define _GNU_SOURCE
#include "crashpoint.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct crashpoint *shared;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CRASHPOINT_FILE");
    if (!path) return;
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    int file = real_open(path, O_RDWR | O_CLOEXEC);
    if (file < 0) abort();
    void *address = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (address == MAP_FAILED) abort();
    close(file);
    shared = address;
}

static _Noreturn void end(void) {
    for (;;) kill(getpid(), SIGKILL);
}

// An operation was made.
static void passed(void) {
    if (!shared) return;
    __atomic_add_fetch(&shared->operations, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&shared->countdown, __ATOMIC_SEQ_CST) <= 0) return;
    if (__atomic_sub_fetch(&shared->countdown, 1, __ATOMIC_SEQ_CST) == 0) end();
}

// Whether the next operation is the last, and a write is to be torn.
static bool tears(void) {
    return shared && shared->tears && __atomic_load_n(&shared->countdown, __ATOMIC_SEQ_CST) == 1;
}

static bool is_file(int descriptor) {
    struct stat about;
    return shared && fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
}

// The function that this one stands before.
#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define COUNTED(type, name, parameters, arguments) \
    type name parameters { \
        REAL(name); \
        type result = real arguments; \
        passed(); \
        return result; \
    }

COUNTED(int, mkdir, (const char *path, mode_t mode), (path, mode))
COUNTED(int, mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode))
COUNTED(int, rmdir, (const char *path), (path))
COUNTED(int, unlink, (const char *path), (path))
COUNTED(int, unlinkat, (int directory, const char *path, int flags), (directory, path, flags))
COUNTED(int, rename, (const char *from, const char *to), (from, to))
COUNTED(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
COUNTED(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
COUNTED(int, symlink, (const char *target, const char *path), (target, path))
COUNTED(int, symlinkat, (const char *target, int directory, const char *path), (target, directory, path))
COUNTED(int, link, (const char *from, const char *to), (from, to))
COUNTED(int, chown, (const char *path, uid_t user, gid_t group), (path, user, group))
COUNTED(int, lchown, (const char *path, uid_t user, gid_t group), (path, user, group))
COUNTED(int, fchown, (int file, uid_t user, gid_t group), (file, user, group))
COUNTED(int, chmod, (const char *path, mode_t mode), (path, mode))
COUNTED(int, fchmod, (int file, mode_t mode), (file, mode))
COUNTED(int, fsync, (int file), (file))
COUNTED(int, fdatasync, (int file), (file))
COUNTED(int, ftruncate, (int file, off_t size), (file, size))
COUNTED(int, ftruncate64, (int file, off64_t size), (file, size))
COUNTED(int, fallocate, (int file, int mode, off_t offset, off_t size), (file, mode, offset, size))
COUNTED(int, fallocate64, (int file, int mode, off64_t offset, off64_t size), (file, mode, offset, size))

static bool changes(int flags) { return flags & (O_CREAT | O_TRUNC); }

#define OPENING(name, parameters, arguments, last) \
    int name parameters { \
        REAL(name); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { \
            va_list rest; \
            va_start(rest, last); \
            mode = va_arg(rest, mode_t); \
            va_end(rest); \
        } \
        int result = real arguments; \
        if (changes(flags)) passed(); \
        return result; \
    }

OPENING(open, (const char *path, int flags, ...), (path, flags, mode), flags)
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode), flags)
OPENING(openat, (int directory, const char *path, int flags, ...), (directory, path, flags, mode), flags)
OPENING(openat64, (int directory, const char *path, int flags, ...), (directory, path, flags, mode), flags)

ssize_t write(int file, const void *bytes, size_t size) {
    REAL(write);
    if (!is_file(file)) return real(file, bytes, size);
    ssize_t result = real(file, bytes, tears() ? size / 2 : size);
    passed();
    return result;
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset) {
    REAL(pwrite);
    if (!is_file(file)) return real(file, bytes, size, offset);
    ssize_t result = real(file, bytes, tears() ? size / 2 : size, offset);
    passed();
    return result;
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t offset) {
    REAL(pwrite64);
    if (!is_file(file)) return real(file, bytes, size, offset);
    ssize_t result = real(file, bytes, tears() ? size / 2 : size, offset);
    passed();
    return result;
}

ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(writev);
    if (!is_file(file)) return real(file, parts, count);
    ssize_t result = real(file, parts, tears() ? (count + 1) / 2 : count);
    passed();
    return result;
}
