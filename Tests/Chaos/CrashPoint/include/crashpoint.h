// A library to be loaded before others (LD_PRELOAD): it ends its process after the Nth operation that changes a file.
#ifndef MESETA_CRASHPOINT_H
#define MESETA_CRASHPOINT_H

#include <stdint.h>

// What the file that CRASHPOINT_FILE names holds, shared with whoever arms it.
struct crashpoint {
    // Operations until the end; 0: not armed. Counts down.
    int64_t countdown;
    // 1: if the last one is a write, only half of it is made.
    int64_t tears;
    // All operations since the file was made.
    int64_t operations;
};

#endif
