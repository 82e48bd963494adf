// The system calls that no task needs, and the machine would regret: refused with EPERM.
//
// What loads code into the kernel, changes what is mounted, the clock or the machine's state, or makes namespaces (in a
// new one of users everybody has all capabilities). Calls of another architecture's numbering, 32-bit programs above
// all, are refused as a whole: the table does not hold for them.
#define _GNU_SOURCE
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "launch.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "no filter for this architecture; add its number and look through the table"
#endif

#define FIELD(name) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, name))
#define RETURN(value) BPF_STMT(BPF_RET | BPF_K, (value))
#define FAIL(code) RETURN(SECCOMP_RET_ERRNO | (code))
// Skips the next instruction unless the word loaded last is `value`.
#define IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, 1)
#define REFUSE(name) IF(SYS_##name), FAIL(EPERM)

#define NEW_NAMESPACES \
    (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

static struct sock_filter program[] = {
    FIELD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0),
    FAIL(EPERM),
    FIELD(nr),
#if defined(__x86_64__)
    // The same machine's calls for 32-bit pointers.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    FAIL(EPERM),
#endif
    // Code into the kernel.
    REFUSE(init_module), REFUSE(finit_module), REFUSE(delete_module), REFUSE(kexec_load),
#ifdef SYS_kexec_file_load
    REFUSE(kexec_file_load),
#endif
    REFUSE(bpf), REFUSE(perf_event_open), REFUSE(userfaultfd),
#if defined(__x86_64__)
    REFUSE(iopl), REFUSE(ioperm),
#endif
    // What is mounted, and other namespaces.
    REFUSE(mount), REFUSE(umount2), REFUSE(pivot_root), REFUSE(move_mount), REFUSE(open_tree), REFUSE(fsopen),
    REFUSE(fsconfig), REFUSE(fsmount), REFUSE(fspick),
#ifdef SYS_mount_setattr
    REFUSE(mount_setattr),
#endif
    REFUSE(unshare), REFUSE(setns), REFUSE(open_by_handle_at), REFUSE(quotactl),
#ifdef SYS_quotactl_fd
    REFUSE(quotactl_fd),
#endif
    REFUSE(swapon), REFUSE(swapoff),
    // The machine and its clock.
    REFUSE(reboot), REFUSE(settimeofday), REFUSE(clock_settime), REFUSE(clock_adjtime), REFUSE(adjtimex), REFUSE(acct),
    REFUSE(syslog), REFUSE(vhangup), REFUSE(sethostname), REFUSE(setdomainname), REFUSE(fanotify_init),
    // Keys, which no namespace keeps apart.
    REFUSE(add_key), REFUSE(request_key), REFUSE(keyctl),
    // Its calls pass no filter.
    REFUSE(io_uring_setup), REFUSE(io_uring_enter), REFUSE(io_uring_register),
    // Its flags lie in memory, where no filter sees them: as on a kernel that does not have it.
    IF(SYS_clone3), FAIL(ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
    // The lower half of the first argument; both machines have it first in memory.
    FIELD(args[0]),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
    FAIL(EPERM),
    RETURN(SECCOMP_RET_ALLOW),
};

bool filter_calls(void) {
    struct sock_fprog whole = {sizeof program / sizeof *program, program};
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) == 0;
}
