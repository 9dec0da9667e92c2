"""The kernel's interface: calls that the standard library lacks."""

import ctypes
import os
import signal
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


CLONE_FILES = 0x00000400


CLONE_THREAD = 0x00010000


CLONE_NEWNS = 0x00020000


CLONE_NEWUTS = 0x04000000


CLONE_NEWIPC = 0x08000000


CLONE_NEWUSER = 0x10000000


CLONE_NEWPID = 0x20000000


CLONE_NEWNET = 0x40000000


MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND = 2, 4, 8, 4096


MS_REC, MS_PRIVATE = 16384, 1 << 18


MNT_DETACH = 2


MOUNT_ATTR_RDONLY = 1


AT_FDCWD, AT_RECURSIVE = -100, 0x8000


PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22


PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38


SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}


SYS_CAPSET = {"x86_64": 126, "aarch64": 91}


SYS_MOUNT_SETATTR = 442


SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446


def call_libc(name, *arguments):
    """Call a function of the C library; raise `OSError` where it fails."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def syscall(number, *arguments):
    return call_libc("syscall", number, *arguments)


def mount(source, target, kind, flags, options=""):
    texts = [os.fsencode(text) for text in (source, target, kind)]
    call_libc("mount", *texts, ctypes.c_ulong(flags), options.encode())


def make_read_only(path, recursive=True):
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    path = os.fsencode(path)
    size = ctypes.c_size_t(len(attributes))
    syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, attributes, size)


MACHINES = ("x86_64", "aarch64")


def end_with_parent():
    """Have the kernel end this process when the thread that started it ends."""
    if libc is not None:
        call_libc("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
