"""Results of experiments are kept, so that two chapters can show the same ones.

The key holds all that a result depends on: the arguments, the code of the experiment's
module and of the attention that it trains, without comments and docstrings, and the
version of PyTorch. Where no result is kept under it, the experiment is run.
Delete `_build/experiments/` to run all of them anew.
"""

import ast
import functools
import hashlib
import inspect
import json
import os
import textwrap
from pathlib import Path

HERE = Path(__file__).parent
FOLDER = HERE.parent.parent / "_build" / "experiments"


def kept(experiment):
    """Keep what an experiment returns, as JSON, one file for each set of arguments.

    Arguments are plain values, or functions: these count by their source.
    """

    @functools.wraps(experiment)
    def once(*arguments, **options):
        file = (
            FOLDER / f"{_name(experiment)}-{_key(experiment, arguments, options)}.json"
        )
        if not file.exists():
            result = json.dumps(_on_one_core(experiment, *arguments, **options))
            FOLDER.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(f".{os.getpid()}")
            part.write_text(result, encoding="utf-8")
            part.replace(file)  # in one move: another process may read it
        return json.loads(file.read_text(encoding="utf-8"))

    return once


def _on_one_core(experiment, *arguments, **options):
    """Small tensors are quicker so, and the sums come out the same everywhere."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return experiment(*arguments, **options)
    finally:
        torch.set_num_threads(threads)


def _name(experiment):
    return f"{experiment.__module__.split('.')[-1]}-{experiment.__name__}"


def _key(experiment, arguments, options):
    import torch

    whole = hashlib.sha256(torch.__version__.encode())
    for file in (HERE / "attention.py", inspect.getfile(experiment)):
        whole.update(_code(Path(file).read_text(encoding="utf-8")).encode())
    for value in (*arguments, *sorted(options.items())):
        whole.update((_source(value) if callable(value) else repr(value)).encode())
        whole.update(b"\0")
    return whole.hexdigest()[:16]


def _code(source):
    """What a piece of code does: without comments, docstrings and line ends."""
    tree = ast.parse(textwrap.dedent(source))
    for node in ast.walk(tree):
        match node:
            case ast.Module() | ast.FunctionDef() | ast.ClassDef():
                match node.body:
                    case [ast.Expr(ast.Constant(str())), *rest]:
                        node.body = rest or [ast.Pass()]
    return ast.unparse(tree)


def _source(function):
    try:
        return _code(inspect.getsource(function))
    except (OSError, TypeError, SyntaxError):  # a lambda inside a call, for one
        return repr(function)
