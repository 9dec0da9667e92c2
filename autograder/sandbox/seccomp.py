"""The filter of system calls, and the end of all privileges."""

import ctypes
import errno
import os
import platform
import struct

from autograder.sandbox.kernel import (
    CLONE_FILES,
    CLONE_THREAD,
    MACHINES,
    PR_CAPBSET_DROP,
    PR_SCHED_CORE,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_PDEATHSIG,
    PR_SET_SECCOMP,
    SYS_CAPSET,
    SYS_LANDLOCK_ADD,
    SYS_LANDLOCK_CREATE,
    SYS_LANDLOCK_RESTRICT,
    call_libc,
    end_with_parent,
    libc,
    syscall,
)

# Errors by which the refusals of the filter can be told from ordinary ones.
NO_PROCESS = errno.EUSERS


NO_NETWORK = errno.ENONET


# name: (x86_64, aarch64); None where the architecture lacks the call
REFUSED = {
    NO_NETWORK: {
        "socket": (41, 198),
        "io_uring_setup": (425, 425),
        # what a pair of sockets is not for; a message can also carry open files
        "bind": (49, 200),
        "connect": (42, 203),
        "listen": (50, 201),
        "sendmsg": (46, 211),
        "sendmmsg": (307, 269),
    },
    NO_PROCESS: {"fork": (57, None), "vfork": (58, None)},
    errno.ENOSYS: {"clone3": (435, 435)},  # the C library falls back to clone
    errno.EPERM: {
        # other processes
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "process_vm_writev": (311, 271),
        "process_madvise": (440, 440),
        "kcmp": (312, 272),
        "pidfd_open": (434, 434),
        "pidfd_getfd": (438, 438),
        "pidfd_send_signal": (424, 424),
        "tkill": (200, 130),
        "setpriority": (141, 140),
        "ioprio_set": (251, 30),
        "move_pages": (279, 239),
        "migrate_pages": (256, 238),
        # what others do, and with which files
        "inotify_init": (253, None),
        "inotify_init1": (294, 26),
        "fanotify_init": (300, 262),
        "syslog": (103, 116),
        # new privileges and much-attacked parts of the kernel
        "unshare": (272, 97),
        "setns": (308, 268),
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        "personality": (135, 92),
        "open_by_handle_at": (304, 265),
        # what would outlive the submission, or escape its limits
        "add_key": (248, 217),
        "request_key": (249, 218),
        "keyctl": (250, 219),
        "shmget": (29, 194),
        "shmat": (30, 196),
        "shmctl": (31, 195),
        "semget": (64, 190),
        "semop": (65, 193),
        "semtimedop": (220, 192),
        "semctl": (66, 191),
        "msgget": (68, 186),
        "msgsnd": (69, 189),
        "msgrcv": (70, 188),
        "msgctl": (71, 187),
        "mq_open": (240, 180),
        "mq_unlink": (241, 181),
        "memfd_create": (319, 279),
        "memfd_secret": (447, 447),
        # a rule holds its file, and with it the disk space of a deleted one
        "landlock_create_ruleset": (SYS_LANDLOCK_CREATE,) * 2,
        "landlock_add_rule": (SYS_LANDLOCK_ADD,) * 2,
        "landlock_restrict_self": (SYS_LANDLOCK_RESTRICT,) * 2,
    },
}


# Landlock does not mediate these; a file tree of one's own needs no such help.
REFUSED_METADATA = {
    "truncate": (76, 45),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "file_setattr": (469, 469),
}


# Allowed on oneself only: the first argument is a process.
ONLY_ONESELF = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "prlimit64": (302, 261),
    "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119),
    "sched_setparam": (142, 118),
    "sched_setattr": (314, 274),
}


CLONE = (56, 220)


PRCTL = (157, 167)


SOCKETPAIR = (53, 199)


CLOSE_RANGE = (436, 436)


# fcntl and ioctl are calls of a hundred kinds. Among them are signals to others
# (F_SETOWN, FIOSETOWN, F_NOTIFY), leases that make others wait, and changes of a
# file that was opened for reading: so only what is listed here is allowed.
FCNTL = (72, 25)


FCNTL_COMMANDS = [
    *(0, 1, 2, 3, 4),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL
    *(5, 6, 7, 36, 37, 38),  # locks
    *(1030, 1031, 1032),  # F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ
]


IOCTL = (16, 29)


IOCTL_COMMANDS = [
    *(0x5401, 0x802C542A, 0x5413),  # TCGETS, TCGETS2, TIOCGWINSZ: is it a terminal?
    *(0x5450, 0x5451),  # FIONCLEX, FIOCLEX
    *(0x541B, 0x5421),  # FIONREAD, FIONBIO
]


AUDIT_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


X32 = 0x40000000  # another numbering of the calls, on x86_64


BPF_LOAD, BPF_RETURN = 0x20, 0x06


BPF_JUMP_EQUAL, BPF_JUMP_GREATER_EQUAL, BPF_JUMP_SET = 0x15, 0x35, 0x45


RETURN_ALLOW, RETURN_ERRNO, RETURN_KILL = 0x7FFF0000, 0x00050000, 0x80000000


OFFSET_NUMBER, OFFSET_ARCHITECTURE = 0, 4


OFFSET_ARGUMENTS, ARGUMENT_SIZE = 16, 8  # only the lower half of each is looked at


AF_UNIX, NOT_STREAM = 1, 0xE  # the bits of a socket's type that a stream has not


CLOSE_RANGE_UNSHARE = 2


def _filter(refuse_metadata: bool) -> list[tuple[int, int, int, int]]:
    """The seccomp program, as (code, jump if true, jump if false, constant)."""
    machine = platform.machine()
    column = MACHINES.index(machine)
    allow = (BPF_RETURN, 0, 0, RETURN_ALLOW)

    def refuse(error=errno.EPERM):
        return (BPF_RETURN, 0, 0, RETURN_ERRNO | error)

    def load(argument):
        return (BPF_LOAD, 0, 0, OFFSET_ARGUMENTS + ARGUMENT_SIZE * argument)

    def when(call, *body):
        number = call[column]
        if number is None:
            return []
        return [(BPF_JUMP_EQUAL, 0, len(body), number), *body]

    def when_among(call, argument, values, error=errno.EPERM):
        """Allow a call with one of these values, and refuse it with any other."""
        looks = [
            (BPF_JUMP_EQUAL, len(values) - index, 0, value)
            for index, value in enumerate(values)
        ]
        return when(call, load(argument), *looks, refuse(error), allow)

    program = [
        (BPF_LOAD, 0, 0, OFFSET_ARCHITECTURE),
        (BPF_JUMP_EQUAL, 1, 0, AUDIT_ARCHITECTURE[machine]),
        (BPF_RETURN, 0, 0, RETURN_KILL),
        (BPF_LOAD, 0, 0, OFFSET_NUMBER),
        (BPF_JUMP_GREATER_EQUAL, 0, 1, X32),
        refuse(errno.ENOSYS),
    ]
    for error, calls in REFUSED.items():
        for call in calls.values():
            program += when(call, refuse(error))
    for call in REFUSED_METADATA.values() if refuse_metadata else ():
        program += when(call, refuse())
    for call in ONLY_ONESELF.values():
        program += when_among(call, 0, [0, os.getpid()])
    program += when_among(FCNTL, 1, FCNTL_COMMANDS)
    program += when_among(IOCTL, 1, IOCTL_COMMANDS, errno.ENOTTY)
    # Threads share their open files: whoever counts one's has counted all.
    thread = (BPF_JUMP_SET, 0, 1, CLONE_THREAD)
    sharing = (BPF_JUMP_SET, 1, 0, CLONE_FILES)
    program += when(CLONE, load(0), thread, sharing, refuse(NO_PROCESS), allow)
    unshare = (BPF_JUMP_SET, 0, 1, CLOSE_RANGE_UNSHARE)
    program += when(CLOSE_RANGE, load(2), unshare, refuse(), allow)
    # Other sockets than streams can be told an address at any time.
    local = (BPF_JUMP_EQUAL, 0, 2, AF_UNIX)
    other = (BPF_JUMP_SET, 0, 1, NOT_STREAM)
    refused = refuse(NO_NETWORK)
    program += when(SOCKETPAIR, load(0), local, load(1), other, refused, allow)
    death = (BPF_JUMP_EQUAL, 1, 0, PR_SET_PDEATHSIG)
    core = (BPF_JUMP_EQUAL, 0, 1, PR_SCHED_CORE)
    program += when(PRCTL, load(0), death, core, refuse(), allow)
    return [*program, allow]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def bound_privileges():
    """See that no program started from here on has any capability."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one


def drop_privileges(refuse_metadata: bool):
    """Give up every capability and install the filter. Irreversible."""
    header = struct.pack("Ii", 0x20080522, 0)
    syscall(SYS_CAPSET[platform.machine()], header, bytes(24))
    end_with_parent()
    call_libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    instructions = _filter(refuse_metadata)
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    program = _Program(len(instructions), code)
    call_libc("prctl", PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0)
