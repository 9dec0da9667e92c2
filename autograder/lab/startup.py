"""Run by every kernel of `make lab`: errors explain themselves from the first cell on.

A learner can choose a kernel that lacks this package, so nothing of it is needed here.
"""


def _explain_errors(shell):
    try:
        from autograder.notebook.errors import explain_errors
    except ImportError:
        shell.set_custom_exc((ModuleNotFoundError,), _show_with_note)
    else:
        explain_errors()


def _show_with_note(shell, kind, error, traceback, tb_offset=None):
    if not getattr(error, "__notes__", None):
        error.add_note(
            f"This kernel has no package {error.name}. Click the kernel's name at the "
            "top right, and choose 'Python 3 (ipykernel)'."
        )
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)


_explain_errors(get_ipython())  # noqa: F821 - given by IPython
