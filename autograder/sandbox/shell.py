"""The IPython shell in which cells run: without kernel, screen and other programs.

What the machine lacks costs the statement that asks for it, and no other.
"""

import ast
import os
import shutil
import tempfile

from autograder.sandbox.lacking import lacks, names_stored, stand_in
from autograder.values.called import error_from


def make_shell():
    """The shell, which is the only one of its process."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        """A shell that shows no traceback and no window."""

        def showtraceback(self, *arguments, **options):
            """The exception is in the result; formatting it is slow."""

        showsyntaxerror = showtraceback

        def enable_gui(self, gui=None):
            """`%matplotlib` asks for this; there is no screen."""

        def enable_matplotlib(self, gui=None):
            """Figures are drawn in memory, whatever was asked for."""
            return None, "agg"

        def system(self, command):
            """`!command` and `%pip` ask for this; no other program is run."""
            print(f"not run here: {command}")

        def getoutput(self, command, split=True, depth=0):
            """`x = !command` asks for this."""
            return []

        async def run_code(self, code_obj, result=None, *, async_=False):
            """Run one statement of a cell; True where the cell ends with it."""
            failed = await super().run_code(code_obj, result, async_=async_)
            error = result and result.error_in_exec
            if not isinstance(error, Exception) or not lacks(error_from(error)):
                return failed
            self.lacked = getattr(self, "lacked", None) or error
            for name in names_stored(code_obj):
                self.user_ns.setdefault(name, stand_in(name, error))
            result.error_in_exec = None
            return False

    os.environ["IPYTHONDIR"] = folder = tempfile.mkdtemp()
    try:
        config = Config()
        config.HistoryManager.enabled = False
        config.InteractiveShell.colors = "nocolor"
        shell = Shell.instance(config=config)
    finally:
        shutil.rmtree(folder)
    shell.ast_transformers.append(OneImportEach())
    for magic in ("time", "prun", "capture"):
        shell.register_magic_function(_run_what_follows(shell), "line_cell", magic)
    return shell


class OneImportEach(ast.NodeTransformer):
    """`import a, b` as two statements: where `a` is not here, `b` may be."""

    def visit_Module(self, node):
        node.body = [part for statement in node.body for part in self._parts(statement)]
        return node

    def _parts(self, node):
        if not isinstance(node, ast.Import):
            return [node]
        return [ast.copy_location(ast.Import([alias]), node) for alias in node.names]


def _run_what_follows(shell):
    """A magic such as `%%time` as the statements that it is put above."""

    def run(line, cell=None):
        result = shell.run_cell(line if cell is None else cell, store_history=False)
        result.raise_error()
        return result.result

    return run
