"""Plain values survive the journey; hostile messages do not."""

import inspect
import json
import math
import random
import sys
from collections import UserDict, UserList

import numpy as np
import pytest
import torch

from autograder.values import called, wire
from autograder.values.wire import CallError, Opaque, Outcome, TooLargeError, WireError

LIMIT = 2**24


def same(left, right):
    """Equal in value and in kind, NaN equal to NaN."""
    if type(left) is not type(right):
        return False
    if isinstance(left, np.ndarray):
        equal_nan = left.dtype.kind in "fc"
        alike = left.dtype == right.dtype and left.shape == right.shape
        return alike and np.array_equal(left, right, equal_nan=equal_nan)
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[k], right[k]) for k in left)
    if isinstance(left, (tuple, list)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, np.random.Generator):
        return left.bit_generator.state == right.bit_generator.state
    return left == right or (left != left and right != right)


def random_value(rng, depth=0):
    """Draw a plain value of any shape."""
    scalars = [None, True, -7, 10**30, 0.1, -0.0, math.inf, math.nan, 1 - 2j, "Q·Kᵀ\0"]
    kind = rng.choice(["scalar", "array", "opaque", "tuple", "list", "dict"])
    if depth == 4 or kind == "scalar":
        return rng.choice(scalars)
    if kind == "opaque":
        return Opaque("generator")
    if kind == "array":
        shape = [rng.randrange(4) for _ in range(rng.randrange(5))]
        numbers = np.array([rng.gauss(0, 9) for _ in range(math.prod(shape))])
        with np.errstate(invalid="ignore"):
            dtype = rng.choice(sorted(wire.DTYPES))
            return np.abs(numbers).astype(dtype).reshape(shape)
    items = [random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == "dict":
        return dict(zip(["W_q", 3, 0.5, None], items, strict=False))
    return tuple(items) if kind == "tuple" else items


@pytest.mark.parametrize("seed", range(200))
def test_a_plain_value_comes_back_unchanged(seed):
    value = random_value(random.Random(seed))
    assert same(wire.plain(value), value)
    assert same(wire.decode(wire.encode(value), LIMIT), value)


def test_a_random_generator_keeps_its_state():
    generator = np.random.default_rng(3)
    generator.integers(5, dtype=np.int32)
    twin = wire.decode(wire.encode(wire.plain(generator)), LIMIT)
    assert np.array_equal(twin.standard_normal(4), generator.standard_normal(4))


def recursive_list():
    value = []
    value.append(value)
    return value


X = np.arange(6.0).reshape(2, 3)


@pytest.mark.parametrize(
    "value, expected",
    [
        (torch.tensor(X, requires_grad=True), X),
        (torch.tensor(X).T, X.T),
        (torch.tensor(X, dtype=torch.bfloat16), X.astype(np.float32)),
        (torch.tensor([1 + 2j]).conj(), np.array([1 - 2j], np.complex64)),
        (torch.tensor(X).to_sparse(), X),
        (torch.nn.Parameter(torch.ones(2)), np.ones(2, np.float32)),
        (np.asmatrix(X), X),
        (X[:, ::-1], X[:, ::-1].copy()),
        (X.astype(">f8"), X),
        (X.astype(np.longdouble), X),
        (np.ma.masked_greater(X, 9), X),
        (np.ma.masked_greater([1, 2], 1), np.array([1, np.nan])),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (
            np.array([X, None], dtype=object),
            Opaque("array of dtype object, of NoneType and ndarray"),
        ),
        (np.array(["a"]), Opaque("array of dtype str32")),
        ({1, 2}, Opaque("set")),
        ((x for x in "ab"), Opaque("generator")),
        (
            {"a": {(1, 2): 3}},
            {"a": Opaque("dict whose keys are not strings or numbers")},
        ),
        (torch.Size([2, 3]), (2, 3)),
        (1 << 5000, Opaque("int of 5001 bits")),
        ("\ud800", "?"),
    ],
)
def test_plain_form(value, expected):
    result = wire.plain(value)
    assert same(result, expected)
    assert same(wire.decode(wire.encode(result), LIMIT), result)


def test_a_list_that_contains_itself_ends():
    assert "contains itself" in repr(wire.plain(recursive_list()))
    wire.decode(wire.encode(wire.plain(recursive_list())), LIMIT)


def test_plain_copies():
    original = X.copy()
    copied = wire.plain((original,))[0]
    original += 1
    assert np.array_equal(copied, X)


def message(tree, raw=b""):
    header = json.dumps(tree).encode()
    return wire.PREFIX.pack(wire.MAGIC, len(header)) + header + raw


HOSTILE = {
    "object dtype": message(["array", "|O", [1]], bytes(8)),
    "text dtype": message(["array", "<U1", [1]], bytes(4)),
    "structured dtype": message(["array", "f8,f8", [1]], bytes(16)),
    "dtype is a list": message(["array", [["a", "<f8"]], [1]], bytes(8)),
    "big-endian dtype": message(["array", ">f8", [1]], bytes(8)),
    "array cut off": message(["array", "<f8", [2]], bytes(15)),
    "bytes left over": message(["array", "<f8", [2]], bytes(17)),
    "negative size": message(["array", "<f8", [-1, -1]], bytes(8)),
    "size is a bool": message(["array", "<f8", [True]], bytes(8)),
    "size is a float": message(["array", "<f8", [1.0]], bytes(8)),
    "huge size": message(["array", "<f8", [2**62]]),
    "empty array with a huge axis": message(["array", "<f8", [0, 2**40]]),
    "overflowing sizes": message(["array", "<f8", [2**32, 2**32]]),
    "too many axes": message(["array", "<f8", [1] * 65], bytes(8)),
    "no tag": message([]),
    "unknown tag": message(["pickle", "cos\nsystem"]),
    "tag is a list": message([["array"]]),
    "an object": message({"array": 1}),
    "wrong length": message(["array", "<f8"]),
    "opaque without a name": message(["opaque", 3]),
    "complex of text": message(["complex", "1", 2]),
    "complex of a huge int": message(["complex", 10**400, 2]),
    "dict key is a list": message(["dict", [["list"], 1]]),
    "dict item is no pair": message(["dict", [1, 2, 3]]),
    "huge int": message(1 << 4100),
    "nested too deep": message(json.loads('["list",' * 30 + "1" + "]" * 30)),
    "generator state too large": message(["generator", 2**128, 1, 0, 0]),
    "generator state of text": message(["generator", "1", 1, 0, 0]),
    "not ASCII": wire.PREFIX.pack(wire.MAGIC, 2) + b"\xff\xfe",
    "not JSON": wire.PREFIX.pack(wire.MAGIC, 2) + b"[1",
    "wrong magic": b"\x80\x04\x95\x00" + bytes(20),
    "header beyond the end": wire.PREFIX.pack(wire.MAGIC, 99) + b"1",
    "header of 4 GB": wire.PREFIX.pack(wire.MAGIC, 2**32 - 1) + b"1",
    "nothing": b"",
    "half a prefix": b"AGW",
}
deep = b"[" * 100_000
HOSTILE["JSON nested 100 000 deep"] = wire.PREFIX.pack(wire.MAGIC, len(deep)) + deep
HOSTILE["more digits than Python reads"] = (
    wire.PREFIX.pack(wire.MAGIC, 5000) + b"9" * 5000
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_message_is_refused(name):
    with pytest.raises(WireError):
        wire.decode(HOSTILE[name], LIMIT)


def test_a_changed_message_is_refused_or_still_plain():
    rng = random.Random(0)
    seed = {"W": X, "b": (X[0], [1, None]), "note": "Q", "z": 1j, "o": Opaque("set")}
    original = wire.encode(seed)
    refused = 0
    for _ in range(3000):
        changed = bytearray(original)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        try:
            value = wire.decode(
                bytes(
                    changed[: rng.randrange(len(changed)) + 1 or None]
                    if rng.random() < 0.2
                    else changed
                ),
                LIMIT,
            )
        except WireError:
            refused += 1
        else:
            assert same(wire.plain(value), value)
    assert 300 < refused < 3000


def test_limits():
    big = np.zeros(1000)
    with pytest.raises(TooLargeError):
        wire.encode(big, limit=8000)
    with pytest.raises(TooLargeError):
        wire.decode(wire.encode(big), 8000)
    with pytest.raises(TooLargeError):
        wire.encode([0.5] * 2_000_000, limit=2**30)  # the header has its own limit


def test_an_answer_of_many_parts_is_refused_before_it_is_built():
    pair = (0,)
    for _ in range(16):
        pair = (pair, pair)
    with pytest.raises(TooLargeError):
        wire.encode(pair, limit=LIMIT)
    with pytest.raises(TooLargeError):
        wire.decode(wire.encode(pair), LIMIT, wire.NODES_LIMIT)
    wire.decode(wire.encode([0.5] * 60_000, LIMIT), LIMIT, wire.NODES_LIMIT)


def test_integers_that_share_one_hash_are_no_keys():
    keys = [number * sys.hash_info.modulus for number in range(1, 4)]
    assert isinstance(wire.plain(dict.fromkeys(keys, 0)), Opaque)
    with pytest.raises(WireError):
        wire.decode(message(["dict", *([key, 0] for key in keys)]), LIMIT)


def test_a_long_key_is_cut():
    long = {"<" * 10**6: 1.0}
    assert wire.plain(long) == {"<" * wire.TEXT_LIMIT: 1.0}
    read = wire.decode(message(["dict", *map(list, long.items())]), LIMIT)
    assert read == {"<" * wire.TEXT_LIMIT: 1.0}


def test_a_bool_that_is_no_bool_is_repaired():
    value = wire.decode(message(["array", "|b1", [3]], b"\x00\x01\x07"), LIMIT)
    assert value.view("u1").tolist() == [0, 1, 1]


def test_decoded_arrays_are_independent_and_aligned():
    raw = wire.encode([True, X])
    value = wire.decode(raw, LIMIT)[1]
    assert value.flags.aligned and value.flags.writeable


def divide(a, b):
    return a / b


def unwritten(a):
    raise NotImplementedError


def add_in_place(a):
    a += 1
    return a


def leave(a):
    sys.exit("enough")


def matmul(a):
    return helper(a) + 1


def helper(a):
    return np.linalg.inv(a)


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def unprintable(a):
    raise Unprintable


def test_a_call_in_process():
    outcome = called.call_in_process(divide)((6.0, 2))
    assert isinstance(outcome, Outcome) and outcome.error is None
    assert outcome.value == 3.0 and outcome.arguments == (6.0, 2)


def test_a_call_shows_changed_arguments_and_leaves_the_originals():
    original = np.zeros(3)
    outcome = called.call_in_process(add_in_place)((original,))
    assert np.array_equal(outcome.arguments[0], np.ones(3))
    assert np.array_equal(original, np.zeros(3))


@pytest.mark.parametrize(
    "function, arguments, kind, message, line",
    [
        (divide, (1, 0), "ZeroDivisionError", "division by zero", "return a / b"),
        (unwritten, (1,), "NotImplementedError", "", "raise NotImplementedError"),
        (leave, (1,), "SystemExit", "enough", 'sys.exit("enough")'),
        (divide, (1,), "TypeError", "missing 1 required", None),
        (unprintable, (1,), "Unprintable", "", "raise Unprintable"),
    ],
)
def test_an_exception_becomes_an_error(function, arguments, kind, message, line):
    error = called.call_in_process(function)(arguments).error
    assert isinstance(error, CallError)
    assert (error.kind, error.line) == (kind, line) and message in error.message


def test_the_line_is_the_learners_own_not_the_librarys():
    error = called.call_in_process(matmul)((np.zeros((2, 2)),)).error
    assert error.kind == "LinAlgError"
    assert error.line == inspect.getsource(helper).splitlines()[1].strip()


def test_an_interrupt_stays_an_interrupt():
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        called.call_in_process(stop)(())
    caught = called.call_in_process(stop, catch=BaseException)(())
    assert caught.error.kind == "KeyboardInterrupt"


def test_what_only_looks_like_a_dict_is_named():
    class Odd(UserDict):
        def __getitem__(self, key):
            raise RuntimeError

    for value in (Odd(a=1), {"K": Odd(a=1)}, [Odd(a=1)]):
        assert "Odd" in str(wire.plain(value))
    assert wire.plain({"K": UserDict(a=UserList([1.5]))}) == {"K": {"a": [1.5]}}
