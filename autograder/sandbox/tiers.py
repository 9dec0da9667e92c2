"""What confines a submission: parts of the Linux kernel, in tiers.

`namespaces`: own file tree, process tree and network, by unshare(2).
`landlock`: an allow-list of paths, for hosts that forbid namespaces.
`none`: resource limits only; used on demand, never by default.

Below the first two lie the same parts: no capabilities, no new privileges, a
seccomp filter that refuses sockets, new processes and any reach for another
process, and resource limits. As no submission can start a process, none is left.
What the kernel does not limit there, the warm process watches: see `exceeded`.

`python -m autograder.sandbox` prints the tier in force on this machine.
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import stat
import struct
import sys
import sysconfig
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MEBI = 2**20


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Seconds are wall time, except `cpu_seconds`. `memory_bytes` comes on top of
    the warm process; `output_bytes` is what is kept of a cell's prints.
    """

    call_seconds: float = 10
    total_seconds: float = 60
    cpu_seconds: int = 60
    memory_bytes: int = 1024 * MEBI
    threads: int = 64
    file_bytes: int = 16 * MEBI
    scratch_bytes: int = 64 * MEBI
    output_bytes: int = 64 * 1024
    result_bytes: int = 16 * MEBI


class SandboxUnavailable(OSError):
    """This host offers no sandbox, and nobody allowed to do without."""


# --- the kernel's interface --------------------------------------------------

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
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_SCHED_CORE = 24, 38, 62

SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_CAPSET = {"x86_64": 126, "aarch64": 91}
SYS_MOUNT_SETATTR = 442
SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 444, 445, 446


def _call(name, *arguments):
    """Call a function of the C library; raise `OSError` where it fails."""
    result = getattr(libc, name)(*arguments)
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def _syscall(number, *arguments):
    return _call("syscall", number, *arguments)


def _mount(source, target, kind, flags, options=""):
    texts = [os.fsencode(text) for text in (source, target, kind)]
    _call("mount", *texts, ctypes.c_ulong(flags), options.encode())


def _make_read_only(path, recursive=True):
    attributes = struct.pack("QQQQ", MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = AT_RECURSIVE if recursive else 0
    path = os.fsencode(path)
    size = ctypes.c_size_t(len(attributes))
    _syscall(SYS_MOUNT_SETATTR, AT_FDCWD, path, flags, attributes, size)


# --- what a submission may read ----------------------------------------------

SYSTEM_PATHS = [
    "/usr",
    "/bin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/fonts",
    "/etc/alternatives",
]
DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]


def readable_paths() -> list[str]:
    """The system's and Python's libraries: all that learners' code may read."""
    python = sysconfig.get_paths()
    libraries = [python[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    for prefix in (sys.prefix, sys.base_prefix):
        libraries += [f"{prefix}/lib", f"{prefix}/lib64"]
    paths = SYSTEM_PATHS + [os.path.realpath(path) for path in libraries] + libraries
    outermost = []
    for path in sorted({path for path in paths if os.path.lexists(path)}):
        if not any(Path(path).is_relative_to(other) for other in outermost):
            outermost.append(path)
    return outermost


# --- parts that both tiers share ---------------------------------------------

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

MACHINES = ("x86_64", "aarch64")
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


def _bound_privileges():
    """See that no program started from here on has any capability."""
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # fails past the last one


def _drop_privileges(refuse_metadata: bool):
    """Give up every capability and install the filter. Irreversible."""
    header = struct.pack("Ii", 0x20080522, 0)
    _syscall(SYS_CAPSET[platform.machine()], header, bytes(24))
    end_with_parent()
    _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    instructions = _filter(refuse_metadata)
    code = b"".join(struct.pack("HBBI", *one) for one in instructions)
    program = _Program(len(instructions), code)
    _call("prctl", PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0)


def end_with_parent():
    """Have the kernel end this process when the thread that started it ends."""
    if libc is not None:
        _call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def limit_resources(limits: Limits):
    """Set the resource limits of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    size = pages * resource.getpagesize()
    for kind, amount in [
        (resource.RLIMIT_AS, size + limits.memory_bytes),
        (resource.RLIMIT_CPU, max(1, round(limits.cpu_seconds))),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ]:
        resource.setrlimit(kind, (amount, amount))


# --- tiers -------------------------------------------------------------------


class Namespaces:
    """A file tree, process tree and network of one's own."""

    name = "namespaces"

    def __init__(self):
        # Where the libraries lie in /tmp, a scratch folder there would hide them.
        hidden = any(path.startswith("/tmp/") for path in PATHS)
        self.scratch = "/scratch" if hidden else "/tmp"

    def enter(self):
        """Move this process, which must have one thread, into its namespaces."""
        self.privileged = os.geteuid() == 0
        self.user = 0x40000000 + os.getpid() if self.privileged else os.getuid()
        spaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
        user, group = os.geteuid(), os.getegid()
        _call("unshare", spaces | (0 if self.privileged else CLONE_NEWUSER))
        if not self.privileged:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        libc.sethostname(b"localhost", 9)
        _become_first_process()
        self.processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _build_root(self.scratch)

    def fork(self):
        """Fork into a new process namespace: the child is its process 1."""
        _call("unshare", CLONE_NEWPID)
        child = os.fork()
        if child:
            _call("setns", self.processes, CLONE_NEWPID)
        return child

    def confine(self, limits: Limits):
        """Confine this process, a child of `fork`. Irreversible."""
        os.setsid()
        limit_resources(limits)
        _call("unshare", CLONE_NEWNS)
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        group = self.user if self.privileged else os.getgid()
        options = f"size={limits.scratch_bytes},nr_inodes=10000,mode=700"
        options += f",uid={self.user},gid={group}"
        _mount("tmpfs", self.scratch, "tmpfs", flags, options)
        _mount_processes(flags)
        threads = (limits.threads, limits.threads)
        resource.setrlimit(resource.RLIMIT_NPROC, threads)
        _bound_privileges()
        if self.privileged:  # a user that nothing belongs to
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)
        _drop_privileges(refuse_metadata=False)
        os.chdir(self.scratch)

    def exceeded(self, child, limits):
        """Files and threads are the kernel's to limit."""

    def clean(self):
        """Nothing is left: the scratch folder went with its namespace."""


def _become_first_process():
    """Go on as process 1 of a new namespace: with it, all its children end."""
    _call("unshare", CLONE_NEWPID)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) and 1)
    end_with_parent()


def _mount_processes(flags):
    """Show the own processes in /proc; the parent's must not stay visible."""
    try:
        _mount("proc", "/proc", "proc", flags, "subset=pid")
    except PermissionError:  # hidden parts of the host's /proc forbid a new one
        _mount("tmpfs", "/proc", "tmpfs", flags, "size=4k,mode=555")


def _build_root(scratch):
    """Make a file tree of the readable paths and a scratch folder, and move there."""
    _mount("none", "/", "none", MS_REC | MS_PRIVATE)
    base = "/tmp"
    _mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    os.mkdir(f"{base}/.host")
    host = os.fsencode(f"{base}/.host")
    _syscall(SYS_PIVOT_ROOT[platform.machine()], os.fsencode(base), host)
    os.chdir("/")
    for path in readable_paths_in("/.host") + DEVICES:
        _graft(f"/.host{path}", path)
    for folder in (scratch, "/proc"):
        os.mkdir(folder)
    os.symlink(scratch, "/dev/shm")
    _mount("/.host/proc", "/proc", "none", MS_BIND | MS_REC)
    _call("umount2", b"/.host", MNT_DETACH)
    os.rmdir("/.host")
    _make_read_only("/", recursive=False)


def readable_paths_in(root):
    """The readable paths that exist below a root."""
    return [path for path in PATHS if os.path.lexists(root + path)]


def _graft(source, target):
    """Show a file or folder of the host, read-only, at the same place."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        Path(target).touch()
    _mount(source, target, "none", MS_BIND | MS_REC)
    if not target.startswith("/dev/"):
        _make_read_only(target)


FS_EXECUTE, FS_WRITE_FILE, FS_READ_FILE, FS_READ_DIR = 1, 2, 4, 8
FS_READ = FS_EXECUTE | FS_READ_FILE | FS_READ_DIR
FS_RIGHTS = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF}  # by version; then:
FS_RIGHTS_LATEST = 0xFFFF
FS_MAKE_DEVICE = 1 << 6 | 1 << 11
FS_FILE_ONLY = FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | 1 << 14
TCP_ANY, SCOPE_ANY = 3, 3


class Landlock:
    """An allow-list of paths; the process tree and network are the host's."""

    name = "landlock"

    def enter(self):
        """See whether the kernel can; the confinement is each child's own."""
        self.version = _syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)

    def fork(self):
        """Fork, with a new scratch folder."""
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="work-"))
        self.scratch = f"{self.folder}/0"
        os.mkdir(self.scratch, 0o700)
        return os.fork()

    def confine(self, limits: Limits):
        """Confine this process, a child of `fork`. Irreversible."""
        os.setsid()
        limit_resources(limits)
        rights = FS_RIGHTS.get(self.version, FS_RIGHTS_LATEST)
        attributes = struct.pack("Q", rights)
        if self.version >= 4:
            attributes += struct.pack("Q", TCP_ANY)
        if self.version >= 6:
            attributes += struct.pack("Q", SCOPE_ANY)
        size = ctypes.c_size_t(len(attributes))
        rules = _syscall(SYS_LANDLOCK_CREATE, attributes, size, 0)
        for path in PATHS:
            _allow(rules, path, FS_READ)
        for path in DEVICES:
            _allow(rules, path, FS_READ_FILE | FS_WRITE_FILE)
        _allow(rules, self.scratch, rights & ~FS_MAKE_DEVICE)
        _call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _syscall(SYS_LANDLOCK_RESTRICT, rules, 0)
        os.close(rules)
        _bound_privileges()
        _drop_privileges(refuse_metadata=True)
        os.chdir(self.scratch)

    def exceeded(self, child: int, limits: Limits) -> str | None:
        """The limit that a child has gone past and the kernel does not keep, if any.

        What it hides from this look counts as too much.
        """
        try:
            state, threads = _life(child)
            if threads > limits.threads:
                return "Threads"
            if state == "Z":  # some threads go on without the first
                return "FileSize"
            size = sum(_held(child, self.scratch, limits.file_bytes).values())
            if _overflows(self.scratch, limits.scratch_bytes - size):
                return "FileSize"
        except (FileNotFoundError, ProcessLookupError):
            return None  # it has ended
        except OSError:
            return "FileSize"

    def clean(self):
        """Remove the scratch folder."""
        with suppress(OSError):
            _remove(self.folder)


def _allow(rules, path, rights):
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= FS_FILE_ONLY
    rule = struct.pack("=Qi", rights, descriptor)
    try:
        _syscall(SYS_LANDLOCK_ADD, rules, 1, rule, 0)
    finally:
        os.close(descriptor)


def _life(process):
    """The state of a process's first thread, and the number of all."""
    fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
    return fields[0].decode(), int(fields[17])


def _held(process, folder, file_bytes) -> dict[int, int]:
    """The sizes of the files that a process has deleted and still holds, by inode.

    Of one that it only has mapped, the size is not seen: it counts as the largest.
    """
    held = {}
    mark = os.fsencode(folder) + b"/"
    for line in Path(f"/proc/{process}/maps").read_bytes().splitlines():
        inode, _, path = line.split(maxsplit=4)[-1].partition(b" ")
        if path.lstrip().startswith(mark) and path.endswith(b" (deleted)"):
            held[int(inode)] = file_bytes
    for entry in os.scandir(f"/proc/{process}/fd"):
        with suppress(FileNotFoundError):  # closed since
            file = os.stat(entry.path)
            if stat.S_ISREG(file.st_mode) and file.st_nlink == 0:
                held[file.st_ino] = file.st_blocks * 512
    return held


def _overflows(folder, size, entries=10_000):
    """Whether a tree has more bytes or entries; raises where it cannot be seen."""
    folders = [folder]
    while folders and size >= 0 and entries >= 0:
        with (
            suppress(FileNotFoundError, NotADirectoryError),  # removed since
            os.scandir(folders.pop()) as found,
        ):
            for entry in found:
                entries -= 1
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                    continue
                with suppress(FileNotFoundError):
                    size -= entry.stat(follow_symlinks=False).st_blocks * 512
    return size < 0 or entries < 0


def _remove(home):
    """Remove a folder and the tree in it, named 0, whatever is in that.

    A folder gets rights and moves up before it is entered, so no path grows long.
    """
    number = last = 0
    while number <= last:
        folder = f"{home}/{number}"
        with os.scandir(folder) as found:
            entries = list(found)
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                last += 1
                os.chmod(entry.path, 0o700)
                os.rename(entry.path, f"{home}/{last}")
            else:
                os.unlink(entry.path)
        os.rmdir(folder)
        number += 1
    os.rmdir(home)


class Unconfined(Landlock):
    """Resource limits only: the submission can do what its user can."""

    name = "none"

    def enter(self):
        """Nothing to enter."""

    def confine(self, limits: Limits):
        """Set the resource limits."""
        os.setsid()
        limit_resources(limits)
        os.chdir(self.scratch)


# Where the libraries are, found while the whole file tree can be seen.
PATHS = readable_paths()
TIERS = {tier.name: tier for tier in (Namespaces, Landlock, Unconfined)}


def probe(tiers=("namespaces", "landlock")) -> tuple[str | None, dict[str, str]]:
    """Try the tiers, strongest first, each in a process of its own.

    Returns the first that works, and for each stronger one why it does not.
    """
    reasons = {}
    for name in tiers:
        reason = _attempt(TIERS[name]())
        if reason is None:
            return name, reasons
        reasons[name] = reason
    return None, reasons


def _attempt(tier) -> str | None:
    """Why a tier does not work here; None where it does."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return f"needs Linux on {' or '.join(MACHINES)}"
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _try(tier)
            reason = b""
        except BaseException as error:  # whatever it is, it is the reason
            reason = str(error).encode() or repr(error).encode()
        os.write(writer, b"." + reason)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        return "the attempt died"
    return answer[1:].decode() or None


def _try(tier):
    """Enter a tier and see that it confines."""
    tier.enter()
    child = tier.fork()
    if child == 0:
        status = 1
        try:
            tier.confine(Limits())
            Path("probe").write_text("scratch is writable")
            status = 3 if _escapes() else 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    tier.clean()
    if status != 0:
        code = os.waitstatus_to_exitcode(status)
        raise OSError(f"the confined process ended with {code}")


def _escapes():
    """Whether a confined process reaches what it must not."""
    try:
        Path(__file__).read_bytes()
        return True
    except OSError:
        pass
    try:
        os.fork()
        return True
    except OSError as error:
        return error.errno != NO_PROCESS


def describe(name, reasons) -> str:
    """A few lines for people: the tier in force, and why no stronger one."""
    lines = [f"sandbox: {name or 'unavailable'}"]
    lines += [f"  {stronger}: {reason}" for stronger, reason in reasons.items()]
    return "\n".join(lines)
