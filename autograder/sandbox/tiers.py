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
import os
import platform
import resource
import stat
import struct
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from autograder.sandbox.kernel import (
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    MACHINES,
    MNT_DETACH,
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_PRIVATE,
    MS_REC,
    PR_SET_NO_NEW_PRIVS,
    SYS_LANDLOCK_ADD,
    SYS_LANDLOCK_CREATE,
    SYS_LANDLOCK_RESTRICT,
    SYS_PIVOT_ROOT,
    call_libc,
    end_with_parent,
    libc,
    make_read_only,
    mount,
    syscall,
)
from autograder.sandbox.limits import Limits, limit_resources
from autograder.sandbox.paths import DEVICES, PATHS, readable_paths_in
from autograder.sandbox.seccomp import bound_privileges, drop_privileges, filter_code
from autograder.sandbox.syscalls import NO_PROCESS


class SandboxUnavailable(OSError):
    """This host offers no sandbox, and nobody allowed to do without."""


class Namespaces:
    """A file tree, process tree and network of one's own."""

    name = "namespaces"
    strict = False  # see `drop_privileges`

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
        call_libc("unshare", spaces | (0 if self.privileged else CLONE_NEWUSER))
        if not self.privileged:
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
            Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        libc.sethostname(b"localhost", 9)
        filter_code(False, self.strict, process=1)  # once, for all forks: they find it
        _become_first_process()
        self.processes = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _build_root(self.scratch)

    def fork(self):
        """Fork into a new process namespace: the child is its process 1."""
        call_libc("unshare", CLONE_NEWPID)
        child = os.fork()
        if child:
            call_libc("setns", self.processes, CLONE_NEWPID)
        return child

    def confine(self, limits: Limits):
        """Confine this process, a child of `fork`. Irreversible."""
        os.setsid()
        limit_resources(limits)
        call_libc("unshare", CLONE_NEWNS)
        flags = MS_NOSUID | MS_NODEV | MS_NOEXEC
        group = self.user if self.privileged else os.getgid()
        options = f"size={limits.scratch_bytes},nr_inodes=10000,mode=700"
        options += f",uid={self.user},gid={group}"
        mount("tmpfs", self.scratch, "tmpfs", flags, options)
        _mount_processes(flags)
        threads = (limits.threads, limits.threads)
        resource.setrlimit(resource.RLIMIT_NPROC, threads)
        bound_privileges()
        if self.privileged:  # a user that nothing belongs to
            os.setgroups([])
            os.setresgid(self.user, self.user, self.user)
            os.setresuid(self.user, self.user, self.user)
        drop_privileges(refuse_metadata=False, strict=self.strict)
        os.chdir(self.scratch)

    def exceeded(self, child, limits):
        """Files and threads are the kernel's to limit."""

    def clean(self):
        """Nothing is left: the scratch folder went with its namespace."""


def _become_first_process():
    """Go on as process 1 of a new namespace: with it, all its children end."""
    call_libc("unshare", CLONE_NEWPID)
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) and 1)
    end_with_parent()


def _mount_processes(flags):
    """Show the own processes in /proc; the parent's must not stay visible."""
    try:
        mount("proc", "/proc", "proc", flags, "subset=pid")
    except PermissionError:  # hidden parts of the host's /proc forbid a new one
        mount("tmpfs", "/proc", "tmpfs", flags, "size=4k,mode=555")


def _build_root(scratch):
    """Make a file tree of the readable paths and a scratch folder, and move there."""
    mount("none", "/", "none", MS_REC | MS_PRIVATE)
    base = "/tmp"
    mount("tmpfs", base, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755")
    os.mkdir(f"{base}/.host")
    host = os.fsencode(f"{base}/.host")
    syscall(SYS_PIVOT_ROOT[platform.machine()], os.fsencode(base), host)
    os.chdir("/")
    for path in readable_paths_in("/.host") + DEVICES:
        _graft(f"/.host{path}", path)
    for folder in (scratch, "/proc"):
        os.mkdir(folder)
    os.symlink(scratch, "/dev/shm")
    mount("/.host/proc", "/proc", "none", MS_BIND | MS_REC)
    call_libc("umount2", b"/.host", MNT_DETACH)
    os.rmdir("/.host")
    make_read_only("/", recursive=False)


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
    mount(source, target, "none", MS_BIND | MS_REC)
    if not target.startswith("/dev/"):
        make_read_only(target)


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
    strict = False

    def enter(self):
        """See whether the kernel can; the confinement is each child's own."""
        self.version = syscall(SYS_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)

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
        rules = syscall(SYS_LANDLOCK_CREATE, attributes, size, 0)
        for path in PATHS:
            _allow(rules, path, FS_READ)
        for path in DEVICES:
            _allow(rules, path, FS_READ_FILE | FS_WRITE_FILE)
        _allow(rules, self.scratch, rights & ~FS_MAKE_DEVICE)
        call_libc("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        syscall(SYS_LANDLOCK_RESTRICT, rules, 0)
        os.close(rules)
        bound_privileges()
        drop_privileges(refuse_metadata=True, strict=self.strict)
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
        return None

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
        syscall(SYS_LANDLOCK_ADD, rules, 1, rule, 0)
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


TIERS = {tier.name: tier for tier in (Namespaces, Landlock, Unconfined)}


def probe(tiers=("namespaces", "landlock")) -> tuple[str | None, dict[str, str]]:
    """Try the tiers, strongest first, each in a process of its own.

    Returns the first that works, and for each stronger one why it does not.
    """
    reasons: dict[str, str] = {}
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
