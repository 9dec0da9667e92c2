"""What an LMS lets an instructor download, unpacked with care: a folder, or a zip.

Learners chose the names in it and made the files, zips among them. So links are not
followed, no name leads out of the folder, and sizes are capped by what is really
read. What cannot be taken is named in a sentence, and the rest goes on.
"""

import contextlib
import os
import re
import stat
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from autograder.course.collect.forms import NOT_HANDED_IN
from autograder.errors import UserError
from autograder.grading import submission
from autograder.grading.submission import NOTEBOOK_BYTES, UnreadableError, visible

FILES = 20_000  # in one download
ALL_BYTES = 2 * 2**30  # written for one download
WHOLE_ZIP_BYTES = 2**30  # one that was handed in
ZIP_BYTES = 64 * 2**20  # a zip inside of that
# Out of one zip of the download, which may be one learner's: less than all may take.
SHARE_FILES = 2000
SHARE_BYTES = 200 * 2**20
DEPTH = 3  # zips in zips
NAME_BYTES = 200
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?(\.ipynb)?$", re.IGNORECASE)
OTHER_ARCHIVES = (".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz")
ENCODINGS = ("gbk", "cp1252", "big5", "shift_jis", "euc_kr", "cp850")
NO_NOTEBOOK = "it is no notebook"
INFORMED = re.compile(r"(^|/)(submission_metadata\.yml|timestamp\.txt)$")
INFORMED_BYTES = 16 * 2**20


class DownloadError(UserError):
    """A download that cannot be read at all. Names it, and the remedy."""


@dataclass(frozen=True)
class Share:
    """What may be taken out of one zip: so much, after what was taken before."""

    files: int
    bytes: int
    files_before: int
    bytes_before: int


@dataclass
class Unpacked:
    """The notebooks of a download, now under `folder`; and all that was not taken.

    names    path under `folder` -> its name in the download.
    refused  (name, sentence) of what found no place.
    added    names of what systems added by themselves.
    informs  name -> content of the files in which an LMS says more of the others.
    knows    whether a name, read in some encoding, is somebody's.
    """

    folder: Path
    names: dict[Path, str] = field(default_factory=dict)
    refused: list[tuple[str, str]] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    informs: dict[str, bytes] = field(default_factory=dict)
    knows: Callable[[str], bool] = lambda name: False
    bytes: int = 0
    files: int = 0
    share: Share | None = None  # of the zip that is being unpacked
    whole: str | None = None  # the name of a zip that is all there is

    def too_much(self) -> str | None:
        """Why the rest is not looked at: it is more than any class, or learner, has."""
        rest = "this and all after it"
        if self.files > FILES:
            return f"{rest}: more than {FILES} files; split the download"
        if self.bytes > ALL_BYTES:
            return f"{rest}: more than {ALL_BYTES / 2**30:.0f} GB; split the download"
        if not self.share:
            return None
        rest = f"{rest} in this zip: more than"
        if self.files - self.share.files_before > self.share.files:
            return f"{rest} {self.share.files} files; unpack it by hand"
        if self.bytes - self.share.bytes_before > self.share.bytes:
            return f"{rest} {self.share.bytes / 2**20:.0f} MB; unpack it by hand"
        return None


def unpack(source: Path, into: Path, knows=lambda name: False) -> Unpacked:
    """Copy the notebooks of a folder or a zip into an empty folder.

    knows: whether a name is somebody's; by this, names in a zip find their encoding.
    """
    unpacked = Unpacked(into, knows=knows)
    if source.is_dir():
        there = [name for name in os.listdir(source) if not NOT_HANDED_IN.search(name)]
        unpacked.whole = there[0] if len(there) == 1 else None
        for name, content in _in_folder(source, unpacked):
            _take(unpacked, name, content)
            if unpacked.too_much():
                break
    elif zipfile.is_zipfile(source):
        with open(source, "rb") as file:
            _archive(unpacked, "", file, depth=1)
    elif source.exists():
        raise DownloadError(
            f"{source} is neither a folder nor a zip; {_remedy(source)}"
        )
    else:
        raise DownloadError(f"{source}: no such file or folder")
    return unpacked


def _remedy(file: Path) -> str:
    """What to do about a file that is no download."""
    if NOTEBOOK.search(file.name):
        return f"name the folder that it is in, {file.absolute().parent}"
    if file.suffix.lower() == ".zip":
        return "it may be cut off, or a page that asks to log in: download it again"
    return "unpack it first"


@dataclass(frozen=True)
class _Content:
    """A file that was found: how to read it, and when it was last changed."""

    open: Callable  # () -> a file to read from
    changed: float
    path: Path | None = None  # where it lies on the disk, if it does

    def read(self, limit: int) -> bytes:
        """At most so many bytes and one more."""
        if self.path and limit == NOTEBOOK_BYTES:
            return submission.read(self.path)
        with self.open() as file:
            return file.read(limit + 1)


def _in_folder(source: Path, unpacked) -> Iterator[tuple[str, _Content]]:
    for folder, folders, files in os.walk(source):
        folders.sort()
        for name in list(folders):
            path = Path(folder) / name
            if NOT_HANDED_IN.search(f"{path.relative_to(source).as_posix()}/"):
                folders.remove(name)
                unpacked.added.append(visible(path.relative_to(source).as_posix()))
            elif path.is_symlink():
                folders.remove(name)
                _refuse(unpacked, path.relative_to(source).as_posix(), "it is a link")
        for name in sorted(files):
            path = Path(folder) / name
            about = path.lstat()
            if not stat.S_ISREG(about.st_mode):
                what = "it is a link" if path.is_symlink() else "it is no file"
                _refuse(unpacked, path.relative_to(source).as_posix(), what)
                continue

            content = _Content(partial(open, path, "rb"), about.st_mtime, path)
            yield path.relative_to(source).as_posix(), content


def _archive(unpacked: Unpacked, name: str, file, depth: int):
    """The members of one zip."""
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            encoding = _encoding_of(members, unpacked.knows)
            for member in members:
                if not member.is_dir():
                    inner = _name_of(member, encoding)
                    _member(unpacked, name, inner, archive, member, depth)
                if unpacked.too_much():
                    break
    except Exception as error:  # what `zipfile` says of damaged data
        _refuse(unpacked, name or "the zip", f"it cannot be unpacked ({error})")


def _inner_archive(unpacked: Unpacked, name: str, file, depth: int):
    """The members of a zip in the download, so many that there is room for others."""
    outer = unpacked.share
    if name != unpacked.whole:
        files = outer.files // 4 if outer else SHARE_FILES
        most = outer.bytes // 4 if outer else SHARE_BYTES
        unpacked.share = Share(files, most, unpacked.files, unpacked.bytes)
    _archive(unpacked, name, file, depth)
    unpacked.share = outer


def _member(unpacked: Unpacked, outer: str, inner: str, archive, member, depth: int):
    name = f"{outer}/{inner}" if outer else inner
    if stat.S_ISLNK(member.external_attr >> 16):
        return _refuse(unpacked, name, "it is a link")
    if member.flag_bits & 1:
        return _refuse(unpacked, name, "it is locked with a password")
    # A path of its own outside of the archive is refused here, before names are joined.
    if inner.startswith("/") or re.match(r"[A-Za-z]:", inner):
        return _refuse(unpacked, name, "its name leads out of the archive")

    try:
        changed = time.mktime((*member.date_time, 0, 0, -1))
    except (ValueError, OverflowError):
        changed = 0.0
    _take(unpacked, name, _Content(partial(archive.open, member), changed), depth)


def _encoding_of(members: list[zipfile.ZipInfo], knows: Callable) -> str:
    """How the names in a zip were written that do not say so.

    UTF-8, where they can be that. Else what makes most names somebody's: an `ü` of
    Windows and the character that a Chinese system means are the same bytes.
    """
    unsaid = (m.filename for m in members if not m.flag_bits & 0x800)
    names = {name for name in unsaid if not name.isascii()}

    def known(encoding: str) -> int:
        return sum(knows(_decoded(name, encoding)) for name in names)

    with contextlib.suppress(UnicodeError):
        for name in names:
            name.encode("cp437").decode("utf-8")
        return "utf-8"
    best = max(ENCODINGS, key=known)  # the first of the best
    return best if known(best) > known("cp437") else "cp437"


def _name_of(member: zipfile.ZipInfo, encoding: str) -> str:
    told = member.flag_bits & 0x800
    name = member.filename if told else _decoded(member.filename, encoding)
    return name.replace("\\", "/")


def _decoded(name: str, encoding: str) -> str:
    """A name that `zipfile` took for cp437, in another encoding; as it is, else."""
    try:
        return name.encode("cp437").decode(encoding)
    except UnicodeError:
        return name


def _take(unpacked: Unpacked, name: str, content: _Content, depth: int = 0):
    """Copy a notebook, unpack a zip, and name all else."""
    if NOT_HANDED_IN.search(name):
        if INFORMED.search(name) and unpacked.share is None:  # no learner's zip
            with contextlib.suppress(Exception):  # it is missed, and that is all
                unpacked.informs[name] = content.read(INFORMED_BYTES)
        unpacked.added.append(visible(name))
        return
    unpacked.files += 1
    trouble = _trouble(unpacked, name, depth)
    if trouble:
        return _refuse(unpacked, name, trouble)
    try:
        if name.lower().endswith(".zip"):
            return _take_zip(unpacked, name, content, depth)
        data = content.read(NOTEBOOK_BYTES)
        _count(unpacked, len(data), NOTEBOOK_BYTES)
        path = unpacked.folder / _on_disk(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "xb") as file:
            file.write(data)
        os.utime(path, (content.changed, content.changed))
        unpacked.names[path] = visible(name)
    except FileExistsError:
        _refuse(unpacked, name, "there are two of this name")
    except _TooMuchError as error:
        _refuse(unpacked, name, str(error))
    except (UnreadableError, NotImplementedError, RuntimeError, zipfile.BadZipFile,
            OSError, EOFError, ValueError) as error:  # fmt: skip
        _refuse(unpacked, name, f"it cannot be read ({error})")
    except Exception as error:  # what a decompressor says of broken data
        _refuse(unpacked, name, f"it cannot be unpacked ({error})")


class _TooMuchError(Exception):
    """The rest is not looked at."""


def _count(unpacked: Unpacked, size: int, limit: int):
    """Add to what was taken; an error where that is too much."""
    if size > limit:
        raise UnreadableError(f"it holds more than {limit / 2**20:.0f} MB")
    unpacked.bytes += size
    if told := unpacked.too_much():
        raise _TooMuchError(told)


def _take_zip(unpacked: Unpacked, name: str, content: _Content, depth: int):
    """Unpack a zip in the download.

    One that a learner handed in may hold a whole environment, and goes to the disk.
    One inside of that is a learner's own making, and counts by what it holds.
    """
    inside = unpacked.share is not None
    limit = ZIP_BYTES if inside else WHOLE_ZIP_BYTES
    with tempfile.TemporaryFile() as copy, content.open() as file:
        while (block := file.read(2**20)) and copy.tell() <= limit:
            copy.write(block)
        _count(unpacked, copy.tell() if inside or copy.tell() > limit else 0, limit)
        copy.seek(0)
        _inner_archive(unpacked, name, copy, depth + 1)


def _trouble(unpacked: Unpacked, name: str, depth: int) -> str | None:
    """Why a file is not even looked into."""
    parts = name.split("/")
    if ".." in parts or name.startswith("/"):
        return "its name leads out of the archive"
    if "\0" in name or any(len(os.fsencode(part)) > NAME_BYTES for part in parts):
        return "its name is too long, or no name for a file"
    if told := unpacked.too_much():
        return told
    if name.lower().endswith(".zip"):
        return "a zip in a zip in a zip" if depth >= DEPTH else None
    if name.lower().endswith(OTHER_ARCHIVES):
        return "it is another kind of archive; unpack it, and collect the folder"
    if not NOTEBOOK.search(name):
        return NO_NOTEBOOK
    return None


def _on_disk(name: str) -> PurePosixPath:
    """The name under which nbgrader takes a file for a notebook."""
    path = PurePosixPath(name)
    return path if path.suffix == ".ipynb" else path.with_name(f"{path.name}.ipynb")


def _refuse(unpacked: Unpacked, name: str, why: str):
    unpacked.refused.append((visible(name), why))
