// What a run sees of the machine's files: mounts, a root file system of its own, volumes.
//
// All of it happens in the run's own namespace of mounts, so it ends with the run's last process, however that ends.
// Sources are opened while the machine's root is in sight, as trees of their own; targets are looked up when the run's
// root is in place. So no link in an image leads out of it, and none in a volume out of where the volume lies.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch.h"

enum { VOLUME_LIMIT = 512, DEVICE_LIMIT = 256, PATH_LIMIT = 4096 };

// What is bound into every root: its path on both sides.
static const char *const shared[] = {
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/etc/resolv.conf", "/etc/hosts",
};
enum { SHARED = sizeof shared / sizeof *shared };

// Where, and who owns what is made on the way.
struct place {
    int base;
    // RESOLVE_ flags.
    uint64_t resolve;
    // Directories that are missing are made, with this owner if `has_owner`.
    bool makes, has_owner;
    uid_t uid;
    gid_t gid;
};

static int resolve(const struct place *place, const char *path) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = place->resolve | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, place->base, *path ? path : ".", &how, sizeof how);
}

// Makes an empty file where a link leads nowhere, or nothing is.
static bool make_file(int above, const char *name) {
    for (int turn = 0; turn < 2; turn++) {
        int file = openat(above, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        if (file >= 0) return close(file) == 0;
        if (errno != EEXIST || unlinkat(above, name, 0) != 0) return false;
    }
    return false;
}

static bool make_directory(const struct place *place, int above, const char *name) {
    if (mkdirat(above, name, 0755) != 0) return errno == EEXIST;
    return !place->has_owner || fchownat(above, name, place->uid, place->gid, AT_SYMLINK_NOFOLLOW) == 0;
}

// Opens a path; what is missing of it is made, the last part as a file if `is_file`.
static int open_made(const struct place *place, const char *path, bool is_file) {
    int found = resolve(place, path);
    if (found >= 0 || errno != ENOENT || !place->makes) return found;
    char part[PATH_LIMIT];
    size_t length = strlen(path);
    if (length >= sizeof part) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int above = resolve(place, ".");
    for (size_t end = 0; above >= 0 && end < length;) {
        size_t start = end + strspn(path + end, "/");
        if (start == length) break;
        end = start + strcspn(path + start, "/");
        memcpy(part, path, end);
        part[end] = 0;
        int next = resolve(place, part);
        if (next < 0 && errno == ENOENT) {
            bool is_last = path[end + strspn(path + end, "/")] == 0;
            const char *name = part + start;
            bool made = is_last && is_file ? make_file(above, name) : make_directory(place, above, name);
            if (made) next = resolve(place, part);
        }
        int error = errno;
        close(above);
        errno = error;
        above = next;
    }
    return above;
}

static bool is_directory(int file) {
    struct stat about;
    return fstat(file, &about) == 0 && S_ISDIR(about.st_mode);
}

// ---- volumes

// A copy of the mount at an open file, with all below it, that no path leads to yet.
static int take_tree(int file, bool read_only) {
    int tree = open_tree(file, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return -1;
    struct mount_attr attributes = {
        .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (read_only ? MOUNT_ATTR_RDONLY : 0)};
    if (mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0) return tree;
    int error = errno;
    close(tree);
    errno = error;
    return -1;
}

static int open_volume(const Meseta__Wire__SupervisorStart *start, const Meseta__Wire__SupervisorVolume *volume) {
    struct place place = {
        .base = open(volume->within, O_PATH | O_DIRECTORY | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH,
        .makes = volume->make_path,
        .has_owner = start->switch_user,
        .uid = start->uid,
        .gid = start->gid,
    };
    if (place.base < 0) return -1;
    int file = open_made(&place, volume->path, false);
    int tree = file < 0 ? -1 : take_tree(file, volume->read_only);
    int error = errno;
    if (file >= 0) close(file);
    close(place.base);
    errno = error;
    return tree;
}

static bool place_tree(int tree, int target) {
    return move_mount(tree, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0;
}

// Puts a tree where it belongs; the place is made, if the run has a root or the place lies in `target_within`.
static bool attach(const Meseta__Wire__SupervisorStart *start, const Meseta__Wire__SupervisorVolume *volume, int tree) {
    bool is_inside = !*volume->target_within;
    struct place place = {
        .base = open(is_inside ? "/" : volume->target_within, O_PATH | O_DIRECTORY | O_CLOEXEC),
        .resolve = is_inside ? RESOLVE_IN_ROOT : RESOLVE_BENEATH,
        .makes = !is_inside || start->root,
        .has_owner = !is_inside && start->switch_user,
        .uid = start->uid,
        .gid = start->gid,
    };
    if (place.base < 0) return false;
    int target = open_made(&place, volume->target, !is_directory(tree));
    bool attached = target >= 0 && place_tree(tree, target);
    int error = errno;
    if (target >= 0) close(target);
    close(tree);
    close(place.base);
    errno = error;
    return attached;
}

// ---- the root

static bool make_inside(const struct place *root, const char *path) {
    int directory = open_made(root, path, false);
    return directory >= 0 && close(directory) == 0;
}

// /proc, /sys and /dev, as programs expect them.
static bool mount_basics(const struct place *root) {
    unsigned long closed = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    static const char *const needed[] = {"proc", "sys", "dev", "tmp"};
    for (size_t index = 0; index < sizeof needed / sizeof *needed; index++) {
        bool is_new = faccessat(root->base, needed[index], F_OK, AT_SYMLINK_NOFOLLOW) != 0;
        if (!make_inside(root, needed[index])) return false;
        if (is_new && strcmp(needed[index], "tmp") == 0 && chmod("/tmp", 01777) != 0) return false;
    }
    return mount("proc", "/proc", "proc", closed, NULL) == 0
        && mount("sysfs", "/sys", "sysfs", closed | MS_RDONLY, NULL) == 0
        && mount("dev", "/dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755,size=64k") == 0
        && mkdir("/dev/pts", 0755) == 0
        && mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620") == 0
        && mkdir("/dev/shm", 01777) == 0
        && mount("shm", "/dev/shm", "tmpfs", closed, "mode=1777") == 0
        && symlink("pts/ptmx", "/dev/ptmx") == 0 && symlink("/proc/self/fd", "/dev/fd") == 0
        && symlink("fd/0", "/dev/stdin") == 0 && symlink("fd/1", "/dev/stdout") == 0
        && symlink("fd/2", "/dev/stderr") == 0;
}

static int take_file(const char *path) { return open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC); }

// Puts a file of the machine's where `path` says.
static bool attach_file(const struct place *root, int tree, const char *path) {
    int target = open_made(root, path, true);
    bool attached = target >= 0 && place_tree(tree, target);
    int error = errno;
    if (target >= 0) close(target);
    close(tree);
    errno = error;
    return attached;
}

static bool attach_shared(const struct place *root, const int *trees) {
    for (size_t index = 0; index < SHARED; index++)
        if (trees[index] >= 0 && !attach_file(root, trees[index], shared[index])) return false;
    return true;
}

// A device is where the machine has it, if that is below /dev, else there by its name alone.
static bool attach_device(const struct place *root, int tree, const char *source) {
    static const char above[] = "/dev/";
    if (strncmp(source, above, sizeof above - 1) == 0) return attach_file(root, tree, source);
    char target[PATH_LIMIT];
    const char *slash = strrchr(source, '/'), *name = slash ? slash + 1 : source;
    size_t length = strlen(name);
    if (sizeof above + length > sizeof target) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(target, above, sizeof above - 1);
    memcpy(target + sizeof above - 1, name, length + 1);
    return attach_file(root, tree, target);
}

// Makes the overlay the root of this process, and lets go of the machine's.
static bool enter_root(const Meseta__Wire__SupervisorStart *start) {
    const Meseta__Wire__SupervisorRoot *order = start->root;
    int trees[SHARED], devices[DEVICE_LIMIT];
    if (start->n_devices > DEVICE_LIMIT) {
        errno = E2BIG;
        return false;
    }
    for (size_t index = 0; index < SHARED; index++) trees[index] = take_file(shared[index]);
    for (size_t index = 0; index < start->n_devices; index++)
        if ((devices[index] = take_file(start->devices[index])) < 0) return false;
    // No device of an image works: what devices there are is in /dev.
    if (chdir(order->within) != 0) return false;
    if (mount("overlay", order->target, "overlay", MS_NODEV, order->options) != 0) return false;
    int machine = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (machine < 0 || chdir(order->target) != 0) return false;
    // The former root lies on top of the new one then, and is taken away: no directory is needed for it.
    if (syscall(SYS_pivot_root, ".", ".") != 0 || fchdir(machine) != 0 || umount2(".", MNT_DETACH) != 0) return false;
    close(machine);
    if (chdir("/") != 0) return false;
    struct place root = {
        .base = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT, .makes = true};
    bool made = root.base >= 0 && mount_basics(&root) && attach_shared(&root, trees);
    for (size_t index = 0; made && index < start->n_devices; index++)
        made = attach_device(&root, devices[index], start->devices[index]);
    int error = errno;
    if (root.base >= 0) close(root.base);
    errno = error;
    return made;
}

// ---- all of it

static bool mount_all(const Meseta__Wire__SupervisorStart *start) {
    for (size_t index = 0; index < start->n_mounts; index++) {
        const Meseta__Wire__SupervisorMount *order = start->mounts[index];
        const char *data = *order->data ? order->data : NULL;
        if (mount(order->source, order->target, order->type, order->flags, data) != 0) return false;
    }
    return true;
}

// The working directory, made where the image has none.
static bool enter_directory(const Meseta__Wire__SupervisorStart *start) {
    if (!start->root) return chdir(start->directory) == 0;
    struct place root = {
        .base = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT, .makes = true};
    int directory = root.base < 0 ? -1 : open_made(&root, start->root->directory, false);
    return directory >= 0 && fchdir(directory) == 0;
}

int arrange_files(const Meseta__Wire__SupervisorStart *start) {
    int trees[VOLUME_LIMIT];
    if (start->n_volumes > VOLUME_LIMIT) {
        errno = E2BIG;
        return STAGE(VOLUME);
    }
    if (mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return STAGE(MOUNT);
    for (size_t index = 0; index < start->n_volumes; index++)
        if ((trees[index] = open_volume(start, start->volumes[index])) < 0) return STAGE(VOLUME);
    if (!mount_all(start)) return STAGE(MOUNT);
    if (start->root && !enter_root(start)) return STAGE(ROOT);
    for (size_t index = 0; index < start->n_volumes; index++)
        if (!attach(start, start->volumes[index], trees[index])) return STAGE(VOLUME);
    return enter_directory(start) ? 0 : STAGE(DIRECTORY);
}
