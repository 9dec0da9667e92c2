"""How a call can end that is neither a value nor a mistake: one table.

The sandbox stopped it, Python itself is gone, or the machine that grades lacks what was
asked for. What a learner reads of it, what the
learner may do, and what the instructor's report calls it stand side by side here.
"""

import sys
from dataclasses import dataclass

from autograder.values.wire import NODES_LIMIT

LOOP = "Is there a loop that does not end, or a call that waits?"
GROWS = "Does an array grow in a loop, or broadcast to a size not meant?"
ALONE = (
    "Run the cell in JupyterLab, in a fresh kernel, and see what happens there. The "
    "answer needs NumPy or PyTorch, and nothing else of the machine."
)
WITHOUT = "Leave it out: the answer is computed from the arguments alone."


@dataclass(frozen=True)
class Ending:
    """One way to end.

    kind           of the `CallError` that tells of it.
    sentence       what is known, with `{seconds:g}`, `{megabytes:g}`, `{signal}` and
                   `{what}` filled in by `said`. It names the likely cause.
    hint           what to do about it.
    in_the_report  the same in the instructor's report, after a name.
    """

    kind: str
    sentence: str
    hint: str
    in_the_report: str

    def said(
        self, seconds: float = 0, size: float = 0, signal: str = "", what: str = ""
    ) -> str:
        """The sentence. seconds: of wall or CPU time; size: in bytes."""
        return self.sentence.format(
            seconds=seconds, megabytes=size / 2**20, signal=signal, what=what
        )


_TABLE = (
    Ending(
        "Timeout",
        "stopped after {seconds:g} s: is there a loop that does not end?",
        LOOP,
        "took too long",
    ),
    Ending(
        "CPU",
        "stopped after {seconds:g} s of computing: is there a loop that does not end?",
        LOOP,
        "took too long",
    ),
    Ending(
        "Memory",
        "stopped at {megabytes:g} MB of memory: is an array far larger than it should "
        "be?",
        GROWS,
        "took too much memory",
    ),
    Ending(
        "FileSize",
        "stopped at {megabytes:g} MB written to files: no file is needed here",
        WITHOUT,
        "wrote too much into files",
    ),
    Ending(
        "TooLarge",
        "the result is larger than {megabytes:g} MB, or has more than "
        f"{NODES_LIMIT} parts: is its shape right?",
        GROWS,
        "gave a result that is too large",
    ),
    Ending(
        "Threads",
        "too many threads were started: none is needed here",
        WITHOUT,
        "started too many threads",
    ),
    Ending(
        "Processes",
        "another process was started: that is not possible here",
        WITHOUT,
        "tried to start another process",
    ),
    Ending(
        "Network",
        "a connection was opened: there is no network here",
        WITHOUT,
        "tried to open a connection",
    ),
    Ending(
        "Crashed",
        "Python itself crashed ({signal}): was memory used outside an array?",
        ALONE,
        "made Python crash",
    ),
    Ending(
        "Exited",
        "the code ended Python itself: leave out exit() and os._exit()",
        "A function gives its answer with `return`, and Python goes on.",
        "ended Python itself",
    ),
    Ending(
        "Killed",
        "the process that ran the code was killed",
        ALONE,
        "was killed while it ran",
    ),
    Ending(
        "Garbled",
        "the code wrote into a channel that is not its own",
        "Print with `print`, and leave the numbers of open files alone.",
        "wrote into the grader's own channel",
    ),
    Ending(
        "Module",
        "{what}: it is not there where this is graded",
        "Leave it out if the function does not need it; what it needs of it, write "
        "into the notebook.",
        "asks for a module that is not there",
    ),
    Ending(
        "Magic",
        "{what}: it is not there where this is graded",
        "Leave it out: the function does not need it.",
        "uses a magic of IPython that is not there",
    ),
    Ending(
        "Keyboard",
        "input() was called: nobody is there to type where this is graded",
        "Write the value into the code.",
        "waits for somebody to type",
    ),
    Ending(
        "Device",
        "{what}: there is no GPU where this is graded",
        "Leave the device out: the CPU is enough here, and `check` needs no GPU.",
        "asks for a GPU",
    ),
    Ending(
        "OlderPython",
        f"the Python that grades is {sys.version_info.major}.{sys.version_info.minor}, "
        "and does not read {what}",
        "Write it so that an older Python reads it, too.",
        "is written for a newer Python",
    ),
)
ENDINGS = {ending.kind: ending for ending in _TABLE}
