"""What the chapters hold together: the drawing of the workflows, and all questions.

Both are read off the chapters, so that nothing has to be kept in step by hand.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

from autograder.chapters import drawing
from autograder.chapters.toc import ROOT, Step, number_of, steps
from autograder.exercises.registry import discover
from autograder.exercises.shapes import Item, ShapeLine
from book.asked import LISTS, MOST_ASKED, Asked

# The two workflows of the article that this book follows: each step in English and
# in its own words, and the functions that carry it out here.
WORKFLOWS = {
    "Single-head attention, 单头注意力": (
        ("Generate queries, keys and values", "生成查询、键和值", ("project_qkv",)),
        ("Compute the attention scores", "计算注意力分数", ("scores",)),
        ("Scale the attention scores", "缩放注意力分数", ("scale",)),
        ("Normalise the attention scores", "归一化注意力分数", ("softmax",)),
        ("Weighted sum", "加权求和", ("weighted_sum",)),
    ),
    "Multi-head attention, 多头注意力": (
        ("Initialise the parameters", "初始化参数", ("init_parameters",)),
        ("Linear maps", "线性变换", ("stack_projections",)),
        ("Split into heads", "分割", ("split_heads",)),
        ("Compute all heads in parallel", "多头并行计算", ("attend_in_parallel",)),
        ("Concatenate", "拼接", ("concat_heads",)),
        ("Final linear map", "最终线性变换", ("multi_head_attention",)),
        (
            "Residual connection and layer normalisation",
            "残差连接与层归一化",
            ("layer_norm", "add_and_norm"),
        ),
    ),
}
INTERVIEW = re.compile(
    r"^## In an interview\n(.+?)(?=^## |\Z)", re.MULTILINE | re.DOTALL
)
DETAILS = re.compile(
    r"^<details>\n<summary>(?P<question>.+?)</summary>\n(?P<answer>.+?)^</details>",
    re.MULTILINE | re.DOTALL,
)
OPTIONS = re.compile(r"\A(---\n.*?^---\n|(:[^\n]*\n)+)", re.MULTILINE | re.DOTALL)


class IncompleteError(LookupError):
    """A step has no chapter, check or animation. Names the step and what it lacks."""


@dataclass(frozen=True)
class Place:
    """Where a function is taught: its chapter, and the verb that plays it."""

    function: str
    chapter: str
    title: str
    verb: str

    @property
    def number(self) -> int:
        """That of the chapter."""
        return number_of(self.chapter)


@cache
def text_of(chapter: str) -> str:
    """The source of a chapter, by its stem."""
    return (ROOT / "book" / f"{chapter}.md").read_text(encoding="utf-8")


def code_cells(chapter: str) -> Iterator[ast.Module]:
    """The code cells of a chapter, parsed."""
    for source in re.findall(
        r"^```\{code-cell\}[^\n]*\n(.*?)^```$", text_of(chapter), re.M | re.S
    ):
        yield ast.parse(OPTIONS.sub("", source))


def calls(chapter: str) -> set[tuple[str, str]]:
    """Every call `f(x)` of a chapter whose first argument is a name: (f, x)."""
    return {
        (node.func.id, node.args[0].id)
        for cell in code_cells(chapter)
        for node in ast.walk(cell)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.args
        and isinstance(node.args[0], ast.Name)
    }


def place_of(function: str) -> Place:
    """Where a function is written, checked and played; raises IncompleteError."""
    for step in steps():
        if function in step.exercises:
            if ("check", function) not in calls(step.chapter):
                raise IncompleteError(f"{step.chapter} does not check {function}")
            verb = _verb_for(function, step)
            return Place(function, step.chapter, step.title, verb)
    raise IncompleteError(f"no chapter of _toc.yml has {function} for an exercise")


def _verb_for(function: str, step: Step) -> str:
    """The verb that plays a function: in its chapter or, what is trained, in a later
    one; or else the verb that plays its chapter.
    """
    import book.animations

    def known(chapter: str) -> list[tuple[str, str]]:
        return [c for c in sorted(calls(chapter)) if c[0] in book.animations.__all__]

    here = known(step.chapter)
    own = [verb for verb, played in here if played == function]
    others = [verb for verb, played in here if played in step.exercises]
    for other in steps() if not own + others else ():
        own += [verb for verb, played in known(other.chapter) if played == function]
    if not own + others:
        raise IncompleteError(f"{step.chapter} does not play {function}")
    return (own or others)[0]


class Workflows:
    """The two workflows as drawings: each step is a box, which leads to its chapter,
    and between two boxes stands what flows from one to the next.
    """

    def __init__(self):
        self.parts = {
            title: [
                (english, chinese, [place_of(function) for function in functions])
                for english, chinese, functions in workflow
            ]
            for title, workflow in WORKFLOWS.items()
        }

    def _repr_html_(self) -> str:
        drawings = []
        for title, rows in self.parts.items():
            first, *_ = rows
            boxes = "".join(_step(n, *row) for n, row in enumerate(rows, 1))
            taken = shapes_of(first[2][0].function).arguments
            arrays = [item for item in taken if item.sizes]
            begin = f'<li class="begin">{_flow(arrays)}</li>' if arrays else ""
            drawings.append(
                f'<h2 class="flow-title">{escape(title)}</h2>'
                f'<ol class="workflow">{begin}{boxes}</ol>'
            )
        return "".join(drawings)

    def __repr__(self) -> str:
        lines = []
        for title, rows in self.parts.items():
            lines.append(title)
            for number, (english, chinese, places) in enumerate(rows, 1):
                lines.append(f"  {number}. {english} ({chinese})")
                lines += [
                    f"     {p.title}: {p.function}, check({p.function}), {p.verb}: "
                    f"{shapes_of(p.function)}"
                    for p in places
                ]
        return "\n".join(lines)


def shapes_of(function: str) -> ShapeLine:
    """What a function takes and gives."""
    return discover()[function].shapes


def _step(number: int, english: str, chinese: str, places: list[Place]) -> str:
    """A box, and what comes out of it."""
    functions = " ".join(place.function for place in places)
    lines = "".join(map(_line, places))
    return (
        f'<li><div class="step" data-exercises="{functions}">'
        f'<a href="{places[0].chapter}.html">{number}. {escape(english)}</a>'
        f'<span lang="zh">{chinese}</span>{lines}</div>'
        f"{_flow(shapes_of(places[-1].function).results)}</li>"
    )


def _line(place: Place) -> str:
    """A function: where it is explained, where it is written, and where played."""
    page = f"{place.chapter}.html"
    return (
        f'<p>Chapter <a href="{page}">{place.number} {escape(place.title)}</a>'
        f'<br><a href="{page}#{place.function}"><code>{place.function}</code></a> · '
        f'<a href="{page}#watch-it" title="{place.verb}({place.function})" '
        f'aria-label="Watch {place.function}">watch</a></p>'
    )


def _flow(items: Sequence[Item]) -> str:
    """Arrays on an arrow, as grids, with their letters and shapes below."""
    arrays = [item for item in items if item.sizes]
    texts = [drawing.named([item]) for item in arrays or items]
    told = "<br>".join(f"<span>{escape(text)}</span>" for text in texts)
    return f'<div class="flow">{drawing.flow(arrays)}<small>{told}</small></div>'


@dataclass(frozen=True)
class Question:
    """An interview question of a chapter, with its answer in Markdown."""

    question: str
    answer: str


def questions_of(chapter: str) -> list[Question]:
    """The questions of a chapter's section 'In an interview', in its order."""
    return [
        Question(found["question"], found["answer"].strip())
        for section in INTERVIEW.findall(text_of(chapter))
        for found in DETAILS.finditer(section)
    ]


def questions_in_all() -> int:
    """How many the page for practising has: those asked most, and all chapters'."""
    return len(MOST_ASKED) + sum(len(questions_of(s.chapter)) for s in steps())


def question_id(chapter: str, question: str) -> str:
    """The anchor of a question: it stays when the chapter gets another number."""
    noun = chapter.partition("_")[2]
    words = re.findall(r"\w+", re.sub(r"<[^>]+>", "", question).lower())
    return "-".join([noun.replace("_", "-"), *words])


class MostAsked:
    """The questions that are asked most, with answers of one minute and of five."""

    def _repr_markdown_(self) -> str:
        return "\n\n".join(self._entry(asked) for asked in MOST_ASKED)

    def _entry(self, asked: Asked) -> str:
        step = _chapter_of(asked.chapter)
        sources = ", ".join(
            f'<a href="{LISTS[name]}">{name}</a>' for name in asked.lists
        )
        return (
            f'<details class="question" id="{question_id("_asked", asked.question)}">\n'
            f"<summary>{escape(asked.question)}\n"
            f'<span lang="zh">{escape(asked.chinese)}</span></summary>\n\n'
            f"**One minute.** {asked.minute}\n\n**Five minutes.**\n\n{asked.five}\n\n"
            f'<p class="asked-in">Shown in <a href="{step.chapter}.html">'
            f"{_called(step)}</a>. In {len(asked.lists)} of "
            f"{len(LISTS)} lists: {sources}.</p>\n\n</details>"
        )

    def __repr__(self) -> str:
        return "\n".join(
            f"{len(asked.lists)} of {len(LISTS)}: {asked.question} {asked.chinese}"
            for asked in MOST_ASKED
        )


def _chapter_of(noun: str) -> Step:
    return next(s for s in steps() if s.chapter.partition("_")[2] == noun)


def _called(step: Step) -> str:
    return f"{step.number} {escape(step.title)}"


class Interview:
    """The questions of all chapters, as Markdown; the answers open on request."""

    def __init__(self):
        self.chapters = {step: questions_of(step.chapter) for step in steps()}

    def _repr_markdown_(self) -> str:
        return "\n\n".join(
            f'<h2><a href="{step.chapter}.html">{_called(step)}</a></h2>\n\n'
            + "\n\n".join(_entry(step, question) for question in questions)
            for step, questions in self.chapters.items()
            if questions
        )

    def __repr__(self) -> str:
        return "\n".join(
            f"{step.title}: {question.question}"
            for step, questions in self.chapters.items()
            for question in questions
        )


def _entry(step: Step, asked: Question) -> str:
    return (
        f'<details class="question" id="{question_id(step.chapter, asked.question)}">\n'
        f"<summary>{asked.question}</summary>\n\n{asked.answer}\n\n</details>"
    )
