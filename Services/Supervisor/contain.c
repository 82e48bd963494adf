// What is around a program: the loopback of its network, capabilities.
#define _GNU_SOURCE
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "launch.h"

bool raise_loopback(void) {
    int network = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (network < 0) return false;
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    bool raised = ioctl(network, SIOCSIFFLAGS, &request) == 0;
    int error = errno;
    close(network);
    errno = error;
    return raised;
}

bool bound_capabilities(uint64_t kept) {
    for (unsigned long number = 0; number < 64; number++) {
        int held = prctl(PR_CAPBSET_READ, number, 0, 0, 0);
        if (held < 0) return errno == EINVAL;  // Beyond the last.
        if (held && !(kept >> number & 1) && prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) return false;
    }
    return true;
}

bool drop_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) != 0) return false;
    for (int half = 0; half < 2; half++) {
        sets[half].permitted &= (uint32_t)(kept >> 32 * half);
        sets[half].effective = sets[half].permitted;
        // Nothing is inherited by a program of another user, and so nothing is ambient either.
        sets[half].inheritable = 0;
    }
    return syscall(SYS_capset, &header, sets) == 0;
}

bool pass_on_capabilities(void) {
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    if (syscall(SYS_capget, &header, sets) != 0) return false;
    for (int half = 0; half < 2; half++) sets[half].inheritable = sets[half].permitted;
    if (syscall(SYS_capset, &header, sets) != 0) return false;
    for (unsigned long number = 0; number < 64; number++) {
        if (!(sets[number / 32].permitted >> number % 32 & 1)) continue;
        if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, number, 0, 0) != 0) return false;
    }
    return true;
}
