"""The filter of system calls, and the end of all privileges.

The filter allows what is on the lists of `syscalls`, and refuses all else.
"""

import ctypes
import errno
import os
import platform
import struct
from functools import cache

from autograder.sandbox.kernel import (
    CLONE_FILES,
    CLONE_THREAD,
    MACHINES,
    PR_CAPBSET_DROP,
    PR_SET_NO_NEW_PRIVS,
    PR_SET_SECCOMP,
    SYS_CAPSET,
    call_libc,
    end_with_parent,
    libc,
    syscall,
)
from autograder.sandbox.syscalls import (
    ALLOWED,
    CLONE,
    CLOSE_RANGE,
    FCNTL,
    IOCTL,
    METADATA,
    NO_NETWORK,
    NO_PROCESS,
    NO_SUCH_CALL,
    ONLY_ONESELF,
    PRCTL,
    RECENT,
    SOCKETPAIR,
    TOLD,
)

# fcntl, ioctl and prctl are calls of a hundred kinds. Among them are signals to others
# (F_SETOWN, FIOSETOWN, F_NOTIFY), leases that make others wait, changes of a file that
# was opened for reading, and a life beyond the parent's.
FCNTL_COMMANDS = [
    *(0, 1, 2, 3, 4),  # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL
    *(5, 6, 7, 36, 37, 38),  # locks
    *(1030, 1031, 1032),  # F_DUPFD_CLOEXEC, F_SETPIPE_SZ, F_GETPIPE_SZ
]
IOCTL_COMMANDS = [
    *(0x5401, 0x802C542A, 0x5413),  # TCGETS, TCGETS2, TIOCGWINSZ: is it a terminal?
    *(0x5450, 0x5451),  # FIONCLEX, FIOCLEX
    *(0x541B, 0x5421),  # FIONREAD, FIONBIO
]
PRCTL_OPTIONS = [
    *(3, 15, 16),  # PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_NAME
    *(23, 39),  # PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS
    0x53564D41,  # PR_SET_VMA: memory gets a name
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


@cache
def filter_code(refuse_metadata: bool, strict: bool, process: int) -> bytes:
    """The seccomp program of a process, which is told to the kernel as it is.

    process  its number, where it is confined: 1 in a namespace of its own. To put the
             program together takes a while, so who forks many asks for it before.
    """
    instructions = _filter(refuse_metadata, strict, process)
    return b"".join(struct.pack("HBBI", *one) for one in instructions)


def _filter(
    refuse_metadata: bool, strict: bool, process: int
) -> list[tuple[int, int, int, int]]:
    """The seccomp program, as (code, jump if true, jump if false, constant)."""
    machine = platform.machine()
    column = MACHINES.index(machine)
    allow = (BPF_RETURN, 0, 0, RETURN_ALLOW)
    kill = (BPF_RETURN, 0, 0, RETURN_KILL)

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
        kill,
        (BPF_LOAD, 0, 0, OFFSET_NUMBER),
        (BPF_JUMP_GREATER_EQUAL, 0, 1, X32),
        refuse(NO_SUCH_CALL),
    ]
    for call in ALLOWED.values():
        program += when(call, allow)
    for call in METADATA.values():
        program += when(call, refuse() if refuse_metadata else allow)
    for error, calls in TOLD.items():
        for call in calls.values():
            program += when(call, refuse(error))
    for call in ONLY_ONESELF.values():
        program += when_among(call, 0, [0, process])
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
    program += when_among(PRCTL, 0, PRCTL_OPTIONS)
    if strict:
        return [*program, kill]
    recent = (BPF_JUMP_GREATER_EQUAL, 0, 1, RECENT)
    return [*program, recent, refuse(NO_SUCH_CALL), refuse()]


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def bound_privileges():
    """See that no program started from here on has any capability."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one


def drop_privileges(refuse_metadata: bool, strict: bool = False):
    """Give up every capability and install the filter. Irreversible.

    strict  end the process at a call that is on no list, where it else gets an error:
            so it shows whether the lists are whole.
    """
    header = struct.pack("Ii", 0x20080522, 0)
    syscall(SYS_CAPSET[platform.machine()], header, bytes(24))
    end_with_parent()
    call_libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    code = filter_code(refuse_metadata, strict, os.getpid())
    program = _Program(len(code) // struct.calcsize("HBBI"), code)
    call_libc("prctl", PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0)
