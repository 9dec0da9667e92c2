"""What passes between the judge and a learner's function.

A call has one `Outcome`: a plain value, or a `CallError`. Plain means numpy
arrays of numbers, Python scalars, strings, None, and tuples, lists and dicts of
them; whatever else a function returns is named by an `Opaque`. Plain values
travel as a JSON header and raw bytes. Nothing that arrives is ever executed.
"""

import array
import json
import math
import struct
import sys
from collections import UserList, deque
from collections.abc import Callable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np

MAGIC = b"AGW1"
PREFIX = struct.Struct(">4sI")  # magic, length of the header
LENGTH = struct.Struct(">I")  # precedes a message on a stream
HEADER_LIMIT = 4 * 2**20  # bytes; JSON grows about twentyfold when parsed
DEPTH_LIMIT = 20
NDIM_LIMIT = 32
BYTES_LIMIT = 2**28  # of all arrays of an answer
NODES_LIMIT = 2**16  # numbers, texts, arrays, lists in an answer: each one costs time
KEY_LIMIT = sys.hash_info.modulus  # a smaller int is its own hash: no two are alike
INT_BITS_LIMIT = 4096  # Python refuses to print an int of more than 4300 digits
TEXT_LIMIT = 2000  # characters of an error message, or of a key
LOOKED_AT = 1000  # entries of an array of objects
SIMPLE = (float, int, bool, str, type(None))
LISTS = (array.array, deque, range, UserList, ValuesView)
SEVERAL = 8  # results that a generator may give
DTYPES = frozenset(
    [
        "|b1",
        "|i1",
        "|u1",
        "<i2",
        "<u2",
        "<i4",
        "<u4",
        "<i8",
        "<u8",
        "<f2",
        "<f4",
        "<f8",
        "<c8",
        "<c16",
    ]
)
Arguments = tuple[Any, ...]  # of one call, in their order


class WireError(ValueError):
    """A message that does not follow the format, or is larger than allowed."""


class TooLargeError(WireError):
    """A message that is larger than allowed."""


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that is not plain, such as a generator or a set.

    items: what a generator, a `map` or the like gives, where that are a few things:
    several results can be taken from it as from a tuple.
    """

    type_name: str
    items: tuple[Any, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class CallError:
    """Why a call gave no value.

    `kind` is the name of the exception's class, or of the limit that was hit
    ("Timeout", "Memory", "Killed", "TooLarge", ...); `line` is the learner's own
    source line, where one is known.
    """

    kind: str
    message: str
    line: str | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one call gave: its value or error, and its arguments afterwards."""

    value: Any = None
    error: CallError | None = None
    arguments: Arguments = ()


def plain(value: Any) -> Any:
    """Return the plain form of any value.

    Tensors, matrices and masked arrays become arrays (masked entries become
    NaN), numpy scalars become Python scalars, what has no plain form becomes an
    `Opaque`. Arrays are copied, so later changes do not show. Raises
    `TooLargeError` where a value has too many parts, or takes too much memory.
    """
    return _Plain().of(value)


class _Plain:
    """Makes one value plain, and counts what it consists of."""

    def __init__(self) -> None:
        self.parts = self.bytes = 0
        self.path: list[Any] = []

    def of(self, value: Any) -> Any:
        """The plain form of the value, or of a part of it."""
        self.parts += 1
        if self.parts > NODES_LIMIT:
            raise TooLargeError(f"the value has more than {NODES_LIMIT:,} parts")
        if type(value) in SIMPLE:  # as most parts of a list are
            return _plain_scalar(value)
        torch = sys.modules.get("torch")  # not imported: then it cannot be a tensor
        if torch is not None and isinstance(value, torch.Tensor):
            self._weigh(value.numel() * value.element_size())
            value = _array_from_tensor(torch, value)
        if isinstance(value, np.ndarray):
            self._weigh(value.nbytes)
            if value.dtype.kind == "O" and all(map(_is_real, value.flat)):
                return self.of(value.tolist())
            return _plain_array(value)
        value = _by_its_own_name(value)
        if isinstance(value, (tuple, list, dict)):
            return self._container(value)
        if isinstance(value, Iterator) and not self.path:
            return self._iterated(value)
        return _plain_scalar(value)

    def _iterated(self, value: Iterator[Any]) -> Opaque:
        self.path.append(value)
        try:
            items = tuple(map(self.of, islice(value, SEVERAL + 1)))
        except Exception:  # of the learner's: nothing has come of it
            items = ()
        return Opaque(type(value).__name__, items if len(items) <= SEVERAL else ())

    def _weigh(self, size: int) -> None:
        self.bytes += size
        if self.bytes > BYTES_LIMIT:
            raise TooLargeError(f"the value takes {self.bytes:,} bytes")

    def _container(self, value: Any) -> Any:
        kind = type(value).__name__
        if any(outer is value for outer in self.path):
            return Opaque(f"{kind} that contains itself")
        if len(self.path) >= DEPTH_LIMIT:
            return Opaque(f"{kind} nested more than {DEPTH_LIMIT} deep")
        self.path.append(value)
        try:
            if isinstance(value, dict):
                if not all(_is_key(key) for key in value):
                    return Opaque("dict whose keys are not strings or numbers")
                return {_short(self.of(k)): self.of(v) for k, v in value.items()}
            items = [self.of(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        finally:
            self.path.pop()


def _by_its_own_name(value: Any) -> Any:
    """A list or a dict of what goes by another name: a deque, a `UserDict`."""
    try:
        if isinstance(value, LISTS):
            return list(islice(value, NODES_LIMIT + 1))
        if isinstance(value, Mapping) and not isinstance(value, dict):
            return {key: value[key] for key in islice(value, NODES_LIMIT + 1)}
    except Exception:  # of the learner's: it says nothing of itself
        return Opaque(type(value).__name__)
    return value


def _is_real(value: Any) -> bool:
    return isinstance(value, (bool, int, float, Fraction, np.number, np.bool_))


def _plain_scalar(value: Any) -> Any:
    """The plain form of what has no parts."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, np.integer)):
        number = int(value)
        large = number.bit_length() > INT_BITS_LIMIT
        return Opaque(f"int of {number.bit_length()} bits") if large else number
    if isinstance(value, Fraction) and value.denominator == 1:
        return _plain_scalar(value.numerator)
    if isinstance(value, (float, Fraction, np.floating)):
        return float(value)
    if isinstance(value, (complex, np.complexfloating)):
        return complex(value)
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, np.random.Generator):
        return _plain_generator(value)
    return value if isinstance(value, Opaque) else Opaque(type(value).__name__)


def _array_from_tensor(torch: ModuleType, tensor: Any) -> Any:
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.layout is not torch.strided:
        tensor = tensor.to_dense()
    if tensor.dtype is torch.bfloat16:  # numpy has no such type
        tensor = tensor.float()
    return tensor.numpy()


def _plain_array(array: np.ndarray) -> np.ndarray | Opaque:
    if array.dtype.kind not in "biufc":
        kinds = sorted({type(item).__name__ for item in array.flat[:LOOKED_AT]})
        of = f", of {' and '.join(kinds[:3])}" if array.dtype.kind == "O" else ""
        return Opaque(f"array of dtype {array.dtype.name}{of}")
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.getmaskarray(array).any():
            wide = np.result_type(array.dtype, np.float16)
            array = np.ma.filled(array.astype(wide), np.nan)
        array = np.ma.getdata(array)
    array = np.array(array, order="C", subok=False)
    if array.dtype.itemsize > 8 and array.dtype.kind == "f":  # long double
        return array.astype(np.float64)
    if array.dtype.itemsize > 16:
        return array.astype(np.complex128)
    return array.astype(array.dtype.newbyteorder("<"), copy=False)


def _plain_generator(generator: np.random.Generator) -> np.random.Generator | Opaque:
    """A copy in the same state, so that a random draw can be an argument."""
    if type(generator.bit_generator) is not np.random.PCG64:
        return Opaque("Generator")
    twin = np.random.Generator(np.random.PCG64())
    twin.bit_generator.state = generator.bit_generator.state
    return twin


def _is_key(key: Any) -> bool:
    if isinstance(key, (int, np.integer)):
        return abs(int(key)) < KEY_LIMIT
    return key is None or isinstance(key, (str, float))


def _short(key: Any) -> Any:
    return key[:TEXT_LIMIT] if isinstance(key, str) else key


def printable(text: str) -> str:
    """The text without lone surrogates, which no file could be written with."""
    return str.encode(text, "utf-8", "replace").decode("utf-8")


def written_size(text: str) -> int:
    """The bytes that a text takes in a file, where some characters become six."""
    return len(json.dumps(text, ensure_ascii=False).encode())


def encode(value: Any, limit: int | None = None) -> bytes:
    """Return a plain value as bytes; `TooLargeError` where it exceeds `limit`.

    A value that has a limit may have no more than `NODES_LIMIT` parts either.
    """
    arrays: list[np.ndarray] = []
    tree = _tree(value, arrays)
    if limit is not None:
        _count(tree, NODES_LIMIT)
    header = json.dumps(tree, separators=(",", ":")).encode("ascii")
    size = PREFIX.size + len(header) + sum(array.nbytes for array in arrays)
    if len(header) > HEADER_LIMIT or (limit is not None and size > limit):
        raise TooLargeError(f"the value takes {size:,} bytes")
    raw = (np.ascontiguousarray(array).tobytes() for array in arrays)
    return b"".join([PREFIX.pack(MAGIC, len(header)), header, *raw])


def _tree(value: Any, arrays: list[np.ndarray]) -> Any:
    """The value as JSON: scalars stand for themselves, the rest as [tag, ...]."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, complex):
        return ["complex", value.real, value.imag]
    if isinstance(value, Opaque):
        items = (_tree(item, arrays) for item in value.items)
        return ["opaque", value.type_name, *items]
    if isinstance(value, np.ndarray) and value.dtype.str in DTYPES:
        arrays.append(value)
        return ["array", value.dtype.str, list(value.shape)]
    if isinstance(value, np.random.Generator):
        state = value.bit_generator.state
        inner = state["state"]
        return [
            "generator",
            inner["state"],
            inner["inc"],
            state["has_uint32"],
            state["uinteger"],
        ]
    if isinstance(value, (tuple, list)):
        tag = "tuple" if isinstance(value, tuple) else "list"
        return [tag, *(_tree(item, arrays) for item in value)]
    if isinstance(value, dict):
        return ["dict", *([key, _tree(item, arrays)] for key, item in value.items())]
    raise WireError(f"{type(value).__name__} is not plain")


def _count(tree: Any, limit: int) -> None:
    """See that a tree has no more values in it; `TooLargeError` where it has."""
    count, layer = 1, [tree]
    while layer:
        layer = [item for node in layer if isinstance(node, list) for item in node]
        count += len(layer)
    if count > limit:
        raise TooLargeError(f"the value has {count:,} parts")


def decode(message: bytes | bytearray, limit: int, nodes: int | None = None) -> Any:
    """Return the plain value in a message; `WireError` where it is not sound.

    The sender is not trusted: the length, every tag, dtype and shape is checked
    against what may occur, and arrays must fill the message exactly. `nodes` is how
    many parts the value may have.
    """
    if len(message) > limit:
        raise TooLargeError(f"the message takes {len(message):,} bytes")
    if len(message) < PREFIX.size:
        raise WireError("the message is cut off")
    magic, header_length = PREFIX.unpack_from(message)
    start = PREFIX.size + header_length
    if magic != MAGIC or header_length > HEADER_LIMIT or start > len(message):
        raise WireError("the message has no sound header")
    try:
        tree = json.loads(message[PREFIX.size : start].decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise WireError("the header is not sound JSON") from error
    if nodes is not None:
        _count(tree, nodes)
    reader = _Reader(message, start)
    value = reader.value(tree)
    if reader.position != len(message):
        raise WireError("bytes are left over after the last array")
    return value


class _Reader:
    """Builds a value from its tree, taking array data from the message in order."""

    def __init__(self, message: bytes | bytearray, position: int):
        self.message = message
        self.position = position

    def value(self, node: Any, depth: int = 0) -> Any:
        if isinstance(node, str):
            return printable(node)
        if node is None or isinstance(node, (bool, float)):
            return node
        if isinstance(node, int):
            _demand(node.bit_length() <= INT_BITS_LIMIT, "an int is too large")
            return node
        _demand(isinstance(node, list) and node, "a node is not [tag, ...]")
        _demand(depth <= DEPTH_LIMIT, "the value is nested too deep")
        tag, *rest = node
        if tag in ("tuple", "list"):
            items = [self.value(item, depth + 1) for item in rest]
            return tuple(items) if tag == "tuple" else items
        if tag == "dict":
            return dict(self._pair(item, depth + 1) for item in rest)
        if tag == "opaque":
            given = tuple(self.value(item, depth + 1) for item in rest[1:])
            return _read_opaque(rest[0] if rest else None, given)
        builders: dict[str, Callable[..., Any]] = {
            "array": self._array,
            "complex": _read_complex,
            "generator": _read_generator,
        }
        _demand(isinstance(tag, str) and tag in builders, "a tag is unknown")
        return builders[tag](*_exactly(tag, rest))

    def _pair(self, pair: Any, depth: int) -> tuple[Any, Any]:
        _demand(isinstance(pair, list) and len(pair) == 2, "a dict item is no pair")
        key = self.value(pair[0], DEPTH_LIMIT)
        _demand(_is_key(key), "a dict key is not a scalar")
        return _short(key), self.value(pair[1], depth)

    def _array(self, dtype: Any, shape: Any) -> np.ndarray:
        _demand(isinstance(dtype, str) and dtype in DTYPES, "a dtype is not allowed")
        _demand(isinstance(shape, list), "a shape is no list")
        _demand(len(shape) <= NDIM_LIMIT, "an array has too many axes")
        for size in shape:
            _demand(type(size) is int and size >= 0, "a shape holds no sizes")
        # An empty array may still have a huge axis; a later sum would allocate it.
        apparent = math.prod(max(size, 1) for size in shape)
        _demand(apparent <= len(self.message), "an array is larger than its message")
        end = self.position + math.prod(shape) * np.dtype(dtype).itemsize
        _demand(end <= len(self.message), "an array is cut off")
        raw = np.frombuffer(memoryview(self.message)[self.position : end], "|u1")
        self.position = end
        # A byte that is neither 0 nor 1 is no bool.
        flat = raw != 0 if dtype == "|b1" else raw.copy().view(dtype)
        array: np.ndarray = native(flat.reshape(shape))
        return array


def native(value: Any) -> Any:
    """The value with whole numbers as this machine counts: an index has 32 bits in a
    browser, and an array of 64 is no index there.
    """
    if isinstance(value, np.ndarray) and value.dtype == np.int64:
        return value.astype(np.intp, copy=False)
    if isinstance(value, (tuple, list)):
        return type(value)(map(native, value))
    return value


def _exactly(tag: str, rest: list[Any]) -> list[Any]:
    lengths = {"array": 2, "complex": 2, "generator": 4}
    _demand(len(rest) == lengths[tag], f"a node {tag!r} has the wrong length")
    return rest


def _read_complex(real: Any, imaginary: Any) -> complex:
    for part in (real, imaginary):
        _demand(type(part) in (int, float), "a complex number has no such part")
    try:
        return complex(real, imaginary)
    except OverflowError as error:
        raise WireError("a complex number is too large") from error


def _read_opaque(type_name: Any, items: tuple[Any, ...]) -> Opaque:
    _demand(isinstance(type_name, str), "an opaque value has no name")
    _demand(len(items) <= SEVERAL, "an opaque value gives too many things")
    return Opaque(printable(type_name[:200]), items)


def _read_generator(
    state: Any, increment: Any, has_uint32: Any, uinteger: Any
) -> np.random.Generator:
    bits = {"state": 128, "inc": 128, "has_uint32": 1, "uinteger": 32}
    parts = dict(zip(bits, (state, increment, has_uint32, uinteger), strict=True))
    for name, part in parts.items():
        sound = type(part) is int and 0 <= part < 2 ** bits[name]
        _demand(sound, "a random generator has no such state")
    generator = np.random.Generator(np.random.PCG64())
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state, "inc": increment},
        "has_uint32": has_uint32,
        "uinteger": uinteger,
    }
    return generator


def _demand(condition: Any, message: str) -> None:
    if not condition:
        raise WireError(message)
