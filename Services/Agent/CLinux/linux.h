// What the C library has beyond POSIX, and hides unless it is asked for it.
#pragma once
#include <sys/types.h>
// Extended attributes: setxattr(2), getxattr(2).
#include <sys/xattr.h>

// Takes room from a file or gives it back: fallocate(2).
extern int fallocate(int fd, int mode, off_t offset, off_t length);

// A pipe whose ends no program inherits by mistake: pipe2(2).
extern int pipe2(int ends[2], int flags);
