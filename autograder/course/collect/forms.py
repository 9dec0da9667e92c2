"""How systems name what they let an instructor download: one table.

Each form is the beginning of a path, from some folder or file on. What it matches is
the system's own word; what follows, a learner chose. Groups of a pattern:

    who     a login or an id, or words in which one stands. name: the person's name.
    lms     the system's number of the person. mark: what stands for an unnamed one.
    time    of the hand-in, as the system wrote it. late: it says so.
    attempt the number of the attempt.

Compared with the systems' own code: Canvas, Moodle, ILIAS, OpenOLAT. With what their
users publish of it: Gradescope, Sakai. The others have not met a real download yet.
"""

import re
from dataclasses import dataclass
from datetime import datetime

AT = r"\d{4}(?:-\d\d){5}"
END = r"(?:_|(?=/)|$)"  # of what stands in one part: the learner's name for it follows
TIMES = ("%Y-%m-%d-%H-%M-%S",)
IN_WORDS = ("%b %d, %Y", "%B %d, %Y", "%d %B, %Y", "%d %b, %Y")


@dataclass(frozen=True)
class Form:
    """One form of names.

    path     matches where a part of a path begins.
    example  a name, and the words that may be the person in it, the first known one.
    lasts    the group that means the same person in every chapter, or "".
    times    how `time` is written.
    """

    system: str
    path: re.Pattern
    example: tuple[str, tuple[str, ...]]
    lasts: str = ""
    times: tuple[str, ...] = TIMES


def _form(system: str, path: str, example, **options) -> Form:
    return Form(system, re.compile(path, re.DOTALL), example, **options)


FORMS = (
    _form(
        "Canvas",
        r"(?P<name>[^_/]+)_(?P<late>LATE_)?(?P<lms>\d+)_\d+_(?=.)",
        ("doejane_LATE_12345_678901_05_softmax-1.ipynb", ("doejane",)),
        lasts="lms",
    ),
    _form(  # marked anonymously
        "Canvas",
        r"(?P<late>LATE_)?(?P<mark>anon_[A-Za-z0-9]+)_\d+_(?=.)",
        ("anon_h2O3x_678901_05_softmax.ipynb", ()),
    ),
    _form(
        "Moodle",
        rf"(?P<name>[^/]+?)_(?P<mark>\d+)_assignsubmission_[a-z]+{END}",
        ("Jane Doe_123456_assignsubmission_file_/05_softmax.ipynb", ("Jane Doe",)),
        lasts="name",
    ),
    _form(
        "Blackboard",
        rf"(?P<who>[^/]+?)_attempt_(?P<time>{AT}){END}",
        (
            "Week_5_jdoe_attempt_2026-12-01-10-00-00_x.ipynb",
            ("Week_5_jdoe", "5_jdoe", "jdoe"),
        ),
    ),
    _form(
        "Brightspace",
        r"\d+-\d+ - (?P<name>[^/]+?) ?- "
        r"(?P<time>[^/]*?\d{4} \d{3,4} ?[AP]M)(?: - |(?=/)|$)",
        (
            "1234-5678 - Ana Maria de la Cruz - Dec 1, 2026 905 PM/05_softmax.ipynb",
            ("Ana Maria de la Cruz",),
        ),
        lasts="name",
        times=tuple(f"{day} %I%M %p" for day in IN_WORDS),
    ),
    _form(
        "Gradescope",  # submission_metadata.yml says who it is
        r"(?P<mark>submission_\d+)/",
        ("assignment_7_export/submission_4711/05_softmax.ipynb", ()),
    ),
    _form(
        "Sakai",
        r"(?P<name>[^/()]+,[^/()]*)\((?P<who>[^/()]+)\)(?:/|_)"
        r"(?:Submission attachment\(s\)(?:/|_))?",
        (
            "Softmax/Doe, Jane(jdoe)/Submission attachment(s)/05_softmax.ipynb",
            ("jdoe", "Doe, Jane"),
        ),
        lasts="who",
    ),
    _form(
        "OpenOLAT",
        r"(?P<who>[^/]+)/\d+_(?:submissions|revisions_(?P<attempt>\d+))/",
        (
            "ita_Softmax_2026-12-01/Doe_Jane_jdoe/2_submissions/05_softmax.ipynb",
            ("jdoe", "Doe_Jane"),
        ),
        lasts="who",
    ),
    _form(
        "ILIAS",
        r"(?P<who>[^/_]+(?:_[^/_]+){2,})_\d+/"
        r"(?P<late>(?:Late Submission|Versp(?:ä|ae)tete Abgabe) - )?",
        (
            "Softmax/Abgaben/Doe_Jane_jdoe_2871/05_softmax.ipynb",
            ("jdoe", "Doe_Jane"),
        ),
        lasts="who",
    ),
    _form(
        "Teams",
        r"Submitted files/(?P<name>[^/]+)/[^/]+/(?:Version (?P<attempt>\d+)/)?",
        ("Submitted files/Jane Doe/Softmax/Version 2/05_softmax.ipynb", ("Jane Doe",)),
        lasts="name",
    ),
    _form(
        "GitHub Classroom",
        r"(?P<title>[^/]+)-submissions/(?P=title)-(?P<who>[^/]+)/",
        (
            "05-softmax-submissions/05-softmax-octo-jane/05_softmax.ipynb",
            ("octo-jane",),
        ),
        lasts="who",
    ),
)
# What systems and programs lay beside it, and nobody hands in.
NOT_HANDED_IN = re.compile(
    r"(^|/)(__MACOSX|\.ipynb_checkpoints|__pycache__|\.git|node_modules|site-packages)/"
    r"|(^|/)(\.?venv|env|virtualenv)/"
    r"(bin|lib|lib64|include|share|etc|Scripts|Lib|Include|pyvenv\.cfg)(/|$)"
    r"|(^|/)(\._[^/]*|\.DS_Store|Thumbs\.db|desktop\.ini|\.gitignore)$"
    rf"|_attempt_{AT}\.txt$"  # Blackboard: what was written beside the file
    r"|(^|/)(submission_metadata\.yml|submission_log\.csv)$"  # Gradescope, Canvas
    r"|^index\.html$"  # Brightspace
    r"|\([^/()]+\)/(timestamp\.txt|comments\.txt|feedbackText\.html|[^/]+_submissionText"
    r"\.html)$|^([^/]+/)?grades\.(csv|xlsx?)$"  # Sakai
    r"|(^|/)\d+_(task|corrections|corrections_\d+|assessment)/"  # OpenOLAT
    r"|^([^/]+/)?status\.(csv|xlsx?)$"  # ILIAS
    r"|(^|/)Working files/"  # Teams: not turned in
)


def time_of(form: Form, text: str) -> datetime | None:
    """A time as a system wrote it, without a zone."""
    text = re.sub(r"\b(\d{3})(?= ?[AP]M$)", r"0\1", text)
    text = re.sub(r"(?<=\d)(?=[AP]M$)", " ", text)
    for written in form.times:
        try:
            return datetime.strptime(text, written)
        except ValueError:
            continue
    return None
