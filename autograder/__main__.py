"""The command line: `python -m autograder VERB`. Each verb says what it did."""

import difflib
import json
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import click

from autograder.chapters.toc import add_home, chapters_listed, homes, number_of
from autograder.course.spare import spare_grammars
from autograder.errors import UserError
from autograder.exercises.registry import discover
from autograder.sandbox.limits import Limits

GOOD, SOME_FAILED, BAD_USAGE, FAULT, STOPPED = 0, 1, 2, 3, 130


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return the exit status.

    0 good, 1 some failed, 2 bad usage, 3 a fault of this program, 130 stopped.
    """
    spare_grammars()
    try:
        status = cli(arguments, prog_name=_program(), standalone_mode=False)
        return status or GOOD
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        _warn("Stopped.")
        return STOPPED


def _program() -> str:
    """How it was called: as a module, or by its own name."""
    called = Path(sys.argv[0]).name
    return "python -m autograder" if called == "__main__.py" else called


class Verbs(click.Group):
    """A group whose verbs end in one sentence where a user can mend what is wrong."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)  # as they stand below: the book's, then a course's

    def invoke(self, context: click.Context) -> int | None:
        try:
            return super().invoke(context)
        except (UserError, OSError) as error:
            if context.params["debug"]:
                _show(traceback.format_exc(), sys.stderr)
            verb = context.invoked_subcommand
            _warn(f"autograder {verb}: {error}{_meant(context, str(error))}")
            return BAD_USAGE
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception:
            _show(traceback.format_exc(), sys.stderr)
            _warn("This is a fault of autograder, not yours. Please report the above.")
            return FAULT


def _meant(context: click.Context, told: str) -> str:
    """Which chapter is meant by one that was named and does not exist."""
    for given in context.meta.get(CHAPTERS, ()):
        names = _chapters()
        close = _by_number(given, names) or difflib.get_close_matches(given, names, 1)
        if given not in names and close and f"{close[0]} meant" not in told:
            return f". Is {close[0]} meant?"
    return ""


def _by_number(given: str, names: list[str]) -> list[str]:
    """The chapter that has a number: `5` is `05_softmax`."""
    return [n for n in names if given.isdecimal() and number_of(n) == int(given)]


# What verbs take.

CHAPTERS = "autograder.chapters"  # in a context: the chapters that were named


def _chapters() -> list[str]:
    return [path.stem for path, *_ in chapters_listed()]


class ChapterName(click.ParamType):
    """The name of a chapter; the shell completes it. Whether there is such a one, the
    verb decides: in a course there may be more than in the book.
    """

    name = "chapter"

    def convert(self, value: str, param, context) -> str:
        context.meta.setdefault(CHAPTERS, []).append(value)
        return value

    def shell_complete(self, context, param, incomplete):
        named = [name for name in _chapters() if name.startswith(incomplete)]
        return [click.shell_completion.CompletionItem(name) for name in named]


class ExerciseName(ChapterName):
    """The name of an exercise; the shell completes it."""

    name = "exercise"

    def convert(self, value: str, param, context) -> str:
        return value

    def shell_complete(self, context, param, incomplete):
        named = [name for name in discover() if name.startswith(incomplete)]
        return [click.shell_completion.CompletionItem(name) for name in named]


FILE = click.Path(path_type=Path)
chapter = click.argument("chapter", type=ChapterName(), metavar="CHAPTER")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
allow_unsafe = click.option(
    "--allow-unsafe",
    is_flag=True,
    help="Run what was handed in even where this machine offers no sandbox.",
)


def _take_home(context, option, folder: Path) -> Path:
    add_home(folder)  # an instructor's own exercises live there
    return folder


course_option = click.option(
    "--course",
    type=FILE,
    default=Path(),
    metavar="DIR",
    show_default="this folder",
    is_eager=True,  # other arguments may name what lives there
    callback=_take_home,
    help="The course folder.",
)


def limits_options(verb: Callable) -> Callable:
    """An option for each limit of one submission."""
    for limit in reversed(fields(Limits)):
        verb = click.option(
            f"--{limit.name.replace('_', '-')}",
            type=limit.type,
            default=limit.default,
            show_default=True,
            metavar="N",
            help="Limit of one submission.",
        )(verb)
    return verb


# What verbs say.


def _say(*lines: str, to=None) -> None:
    """Print lines; a path below the folder where one stands is told from there."""
    here = f"{Path.cwd()}{os.sep}"
    for line in lines:
        _show(line.replace(here, ""), to)


def _show(text: str, to=None) -> None:
    """Print text. Much of it a learner may have chosen: it steers no terminal."""
    from autograder.grading.submission import visible

    print("\n".join(map(visible, text.split("\n"))), file=to)


def _warn(line: str) -> None:
    _say(line, to=sys.stderr)


# The verbs: of the book, of a file, of a course.


@click.group(cls=Verbs, help=__doc__, context_settings={"max_content_width": 88})
@click.option("--debug", is_flag=True, help="Show the traceback of an error, too.")
@click.version_option(package_name="attention-by-writing")
def cli(debug: bool) -> None:
    pass


@cli.command()
@click.option("--check", is_flag=True, help="Only look; exit with 1 if one is stale.")
@course_option
def sync(check: bool, course: Path) -> int:
    """Write the stubs into the chapters."""
    from autograder.chapters.chapter import sync

    if course != Path() and not homes():
        raise UserError(f"{course}: no exercises/ and no chapters/ in there")
    stale = sync(write=not check)
    for path in stale:
        told = "is not in step with solutions/" if check else "written"
        _say(f"{path}: {told}")
    if stale and check:
        _warn("Run `make sync`, and look at what it changed.")
        return SOME_FAILED
    if not stale:
        print("Every stub is in step with its declaration.")
    return GOOD


@cli.command()
@click.argument("chapters", nargs=-1, type=ChapterName(), metavar="[CHAPTER]...")
def build(chapters: tuple[str, ...]) -> None:
    """Compose every derived notebook."""
    from autograder.chapters.chapter import build_notebooks

    count = build_notebooks(list(chapters))
    print(f"{count} chapters composed in _build/learner and _build/source.")


@cli.command()
def work() -> None:
    """Lay out a learner's copies in work/."""
    from autograder.chapters.toc import ROOT
    from autograder.notebook.workspace import lay_out

    _say(*lay_out(ROOT / "work"))


@cli.command("try")
@click.argument("name", type=ExerciseName(), metavar="NAME")
@click.argument("mistakes", nargs=-1, metavar="[MISTAKE]...")
@click.option("--watch", is_flag=True, help="Again at each change of a declaration.")
@click.option("--keep", is_flag=True, help="Compare with the same run next time, too.")
@course_option
def try_(
    name: str, mistakes: tuple[str, ...], watch: bool, keep: bool, course: Path
) -> int:
    """Show what learners read who make each mistake of an exercise.

    Of all its mistakes, where none is named.
    """
    from autograder.chapters import trial

    if watch:
        trial.watch([name, *mistakes, "--course", str(course), "--keep"])
        return GOOD
    said = trial.try_exercise(name, mistakes, keep)
    _say(*trial.in_words(name, said))
    return SOME_FAILED if any(one.trouble for one in said) else GOOD


@cli.command()
@click.argument("file", type=FILE, metavar="FILE.py")
@as_json
@allow_unsafe
@course_option
def judge(file: Path, as_json: bool, allow_unsafe: bool, course: Path) -> int:
    """Judge the functions that a file defines."""
    from autograder.grading.judge_file import judge_file
    from autograder.judge.render import as_text

    verdicts = judge_file(file, allow_unsafe=allow_unsafe)
    if as_json:
        data = {"verdicts": [verdict.as_json() for verdict in verdicts]}
        print(json.dumps(data, indent=2))  # in ASCII: the same data, and harmless
    else:
        _show("\n\n".join(as_text(verdict) for verdict in verdicts))
    return GOOD if all(verdict.passed for verdict in verdicts) else SOME_FAILED


@cli.command()
@click.argument("folder", type=FILE, metavar="DIR", is_eager=True, callback=_take_home)
@click.option(
    "--course-id",
    metavar="ID",
    show_default="as _toc.yml says",
    help="Of a new course.",
)
@click.option(
    "--roster",
    type=FILE,
    metavar="FILE.csv",
    show_default="DIR/roster.csv, if there is one",
    help="Students: id,first_name,last_name,email,lms_user_id,group; or what an LMS "
    "exports.",
)
@click.option(
    "--due",
    multiple=True,
    metavar="CHAPTER=TIME",
    help="As 05_softmax=2026-12-01T18:00, in this machine's time zone; or with its "
    "own: 2026-12-01T18:00+01:00. May be repeated. DIR/due_dates.csv, with the "
    "columns chapter,due, sets those that are not set yet.",
)
def course(
    folder: Path, course_id: str | None, roster: Path | None, due: tuple[str, ...]
) -> None:
    """Make an nbgrader course folder, or add what it lacks."""
    from autograder.course.setup import make_course

    _say(*make_course(folder, course_id, roster, due))


@cli.command()
@chapter
@click.argument("source", type=FILE, required=False, metavar="[FOLDER_OR_ZIP]")
@click.option(
    "--groups",
    is_flag=True,
    help="What one hands in counts for all of a group, as groups.csv has them.",
)
@course_option
def collect(chapter: str, source: Path | None, groups: bool, course: Path) -> int:
    """Collect an LMS download: a folder or a zip of notebooks.

    FOLDER_OR_ZIP is nbgrader's downloaded/CHAPTER/archive in the course, where none is
    named.
    """
    from autograder.course.collect.collect import collect_chapter

    summary = collect_chapter(course, chapter, source, groups)
    _say(*summary.lines)
    return GOOD if summary.complete else SOME_FAILED


@cli.command()
@chapter
@course_option
def release(chapter: str, course: Path) -> None:
    """Release a chapter, and pack it as a zip."""
    from autograder.course.handout.release import release

    _say(*release(course, chapter, tell=_warn))


@cli.command()
@chapter
@course_option
@click.option("--jobs", type=int, metavar="N", show_default="all cores")
@click.option("--scheduler", metavar="ADDRESS", help="Of a Dask cluster.")
@as_json
@allow_unsafe
@click.option(
    "--tier",
    type=click.Choice(["namespaces", "landlock"]),
    show_default="the strongest there is",
    help="Use this tier of the sandbox only.",
)
@limits_options
def grade(
    chapter: str,
    course: Path,
    jobs: int | None,
    scheduler: str | None,
    as_json: bool,
    allow_unsafe: bool,
    tier: str | None,
    **limits,
) -> int:
    """Grade everything in submitted/."""
    from autograder.course.grade import grade_chapter
    from autograder.grading.assignment import Options

    tiers = (tier,) if tier else Options().tiers
    options = Options(Limits(**limits), allow_unsafe, tiers)
    summary = grade_chapter(course, chapter, jobs, scheduler, options, tell=_warn)
    if as_json:
        print(json.dumps(vars(summary)))
    else:
        _say(*summary.lines())
    return SOME_FAILED if summary.missing else GOOD


@cli.command()
@chapter
@course_option
@click.option("--jobs", type=int, metavar="N", show_default="all cores")
def feedback(chapter: str, course: Path, jobs: int | None) -> None:
    """Make the learners' pages, and a zip for the LMS.

    The pages are those of `nbgrader generate_feedback`, made on all cores. The zip has
    the names under which Canvas, Moodle or Sakai takes files back.
    """
    from autograder.course.handback import feedback

    _say(*feedback(course, chapter, jobs))


@cli.command()
@click.argument("student", metavar="STUDENT")
@chapter
@click.argument("until", metavar="UNTIL")
@course_option
def extend(student: str, chapter: str, until: str, course: Path) -> None:
    """Give a student, or a group, more time for a chapter.

    UNTIL is a time, as 2026-12-08T18:00, in this machine's time zone or with its own;
    or - to take an extension back.
    """
    from autograder.course.extensions import extend

    _say(*extend(course, student, chapter, until))


@cli.command()
@click.argument("chapter", type=ChapterName(), required=False, metavar="[CHAPTER]")
@click.option("--remove", is_flag=True, help="Take the class away again.")
@click.option("--students", type=int, default=20, show_default=True, metavar="N")
@course_option
def example(chapter: str | None, remove: bool, students: int, course: Path) -> None:
    """Hand in a made-up class, to try things."""
    from autograder.course.example import hand_in_example, remove_example

    if remove == bool(chapter):
        raise click.UsageError("Name a CHAPTER, or give --remove.")
    if chapter:
        _say(*hand_in_example(course, chapter, students))
    else:
        _say(*remove_example(course))


@cli.command()
@chapter
@course_option
def report(chapter: str, course: Path) -> None:
    """Show what the class misunderstood."""
    from autograder.course.spare import spare_imports

    spare_imports()
    from autograder.course.report import report_chapter

    _say(*(f"{path}: written" for path in report_chapter(course, chapter)))


@cli.command()
@click.option("--students", type=int, default=60, show_default=True, metavar="N")
@click.option("--chapter", type=ChapterName(), show_default="as _toc.yml says")
def bench(students: int, chapter: str | None) -> None:
    """Measure grading against stock nbgrader."""
    from autograder.course.bench import bench

    bench(students, chapter)


SHELLS = {
    "bash": 'eval "$({variable}=bash_source {name})"',
    "zsh": 'eval "$({variable}=zsh_source {name})"',
    "fish": "{variable}=fish_source {name} | source",
}


@cli.command()
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    """Tell the line that lets a shell complete verbs, options and chapters.

    Put it into the shell's start-up file. It completes `autograder`, which lies in
    .venv/bin.
    """
    print(SHELLS[shell].format(variable="_AUTOGRADER_COMPLETE", name="autograder"))


if __name__ == "__main__":
    sys.exit(main())
