"""The command line: `python -m autograder VERB`. Each verb says what it did."""

import argparse
import json
import os
import sys
from pathlib import Path

from autograder.chapters.toc import add_home, homes


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return the exit status: 0 good, 1 some failed, 2 bad usage."""
    options = _parser().parse_args(arguments)
    try:
        if course := getattr(options, "course", None):
            add_home(course)  # an instructor's own exercises live there
        return options.run(options)
    except (ValueError, OSError) as error:
        # Errors of our own are sentences already: they name the file and the remedy.
        _warn(f"autograder {options.verb}: {error}")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m autograder", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    verb = verbs.add_parser("sync", help="write the stubs into the chapters")
    verb.add_argument("--check", action="store_true", help="only look; 1 if stale")
    _takes_course(verb)
    verb.set_defaults(run=_sync)

    verb = verbs.add_parser("build", help="compose every derived notebook")
    verb.add_argument("chapters", nargs="*", metavar="CHAPTER")
    verb.set_defaults(run=_build)

    verb = verbs.add_parser("work", help="lay out a learner's copies in work/")
    verb.set_defaults(run=_work)

    verb = verbs.add_parser("judge", help="judge the functions that a file defines")
    verb.add_argument("file", type=Path, metavar="FILE.py")
    verb.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    verb.add_argument(
        "--allow-unsafe",
        action="store_true",
        help="run the file even where this machine offers no sandbox",
    )
    _takes_course(verb)
    verb.set_defaults(run=_judge)

    verb = verbs.add_parser(
        "try", help="show what learners read who make each mistake of an exercise"
    )
    verb.add_argument("name", metavar="NAME")
    verb.add_argument("mistakes", nargs="*", metavar="MISTAKE", help="default: all")
    verb.add_argument(
        "--watch", action="store_true", help="again at each change of a declaration"
    )
    verb.add_argument(
        "--keep",
        action="store_true",
        help="compare with the same run next time, too",
    )
    _takes_course(verb)
    verb.set_defaults(run=_try)

    _add_course(verbs)

    verb = verbs.add_parser(
        "collect", help="collect an LMS download: a folder or a zip of notebooks"
    )
    verb.add_argument("chapter", metavar="CHAPTER")
    verb.add_argument(
        "source",
        type=Path,
        nargs="?",
        metavar="FOLDER_OR_ZIP",
        help="default: nbgrader's downloaded/CHAPTER/archive in the course",
    )
    _takes_course(verb)
    verb.set_defaults(run=_collect)

    verb = verbs.add_parser("release", help="release a chapter, and pack it as a zip")
    verb.add_argument("chapter", metavar="CHAPTER")
    _takes_course(verb)
    verb.set_defaults(run=_release)

    verb = verbs.add_parser("grade", help="grade everything in submitted/")
    verb.add_argument("chapter", metavar="CHAPTER")
    _takes_course(verb)
    verb.add_argument("--jobs", type=int, metavar="N", help="default: all cores")
    verb.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")
    verb.add_argument("--json", action="store_true", help="print a summary as JSON")
    _add_limits(verb)
    verb.set_defaults(run=_grade)

    verb = verbs.add_parser("example", help="hand in a made-up class, to try things")
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument("chapter", nargs="?", metavar="CHAPTER")
    what.add_argument("--remove", action="store_true", help="take the class away again")
    _takes_course(verb)
    verb.add_argument("--students", type=int, default=20, metavar="N")
    verb.set_defaults(run=_example)

    verb = verbs.add_parser("report", help="show what the class misunderstood")
    verb.add_argument("chapter", metavar="CHAPTER")
    _takes_course(verb)
    verb.set_defaults(run=_report)

    verb = verbs.add_parser("bench", help="measure grading against stock nbgrader")
    verb.add_argument("--students", type=int, default=60, metavar="N")
    verb.add_argument("--chapter", default="05_softmax", metavar="CHAPTER")
    verb.set_defaults(run=_bench)
    return parser


def _takes_course(verb: argparse.ArgumentParser) -> None:
    verb.add_argument(
        "--course",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="the course folder; default: this one",
    )


def _add_course(verbs) -> None:
    verb = verbs.add_parser(
        "course", help="make an nbgrader course folder, or add what it lacks"
    )
    verb.add_argument("course", type=Path, metavar="DIR")
    verb.add_argument(
        "--course-id", metavar="ID", help="of a new course; default: attention"
    )
    verb.add_argument(
        "--roster",
        type=Path,
        metavar="FILE.csv",
        help="students: id,first_name,last_name,email,lms_user_id; default: "
        "DIR/roster.csv, if there is one",
    )
    verb.add_argument(
        "--due",
        action="append",
        default=[],
        metavar="CHAPTER=TIME",
        help="as 05_softmax=2026-12-01T18:00, in this machine's time zone; or with its "
        "own: 2026-12-01T18:00+01:00. May be repeated. DIR/due_dates.csv, with the "
        "columns chapter,due, sets those that are not set yet",
    )
    verb.set_defaults(run=_course)


def _add_limits(verb: argparse.ArgumentParser) -> None:
    """An option for each limit, and those of the sandbox."""
    from dataclasses import fields

    from autograder.sandbox.limits import Limits

    verb.add_argument(
        "--allow-unsafe",
        action="store_true",
        help="run submissions even where this machine offers no sandbox",
    )
    verb.add_argument(
        "--tier",
        choices=("namespaces", "landlock"),
        help="use this tier of the sandbox only; default: the strongest there is",
    )
    limits = verb.add_argument_group("limits of one submission")
    for limit in fields(Limits):
        limits.add_argument(
            f"--{limit.name.replace('_', '-')}",
            type=limit.type,
            default=limit.default,
            metavar="N",
            help=f"default {limit.default}",
        )


def _options(options: argparse.Namespace):
    from dataclasses import fields

    from autograder.grading.assignment import Options
    from autograder.sandbox.limits import Limits

    limits = {limit.name: getattr(options, limit.name) for limit in fields(Limits)}
    tiers = (options.tier,) if options.tier else Options().tiers
    return Options(Limits(**limits), options.allow_unsafe, tiers)


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


def _sync(options: argparse.Namespace) -> int:
    from autograder.chapters.chapter import sync

    if options.course != Path() and not homes():
        raise ValueError(f"{options.course}: no exercises/ and no chapters/ in there")
    stale = sync(write=not options.check)
    for path in stale:
        told = "is not in step with solutions/" if options.check else "written"
        _say(f"{path}: {told}")
    if stale and options.check:
        _warn("Run `make sync`, and look at what it changed.")
        return 1
    if not stale:
        print("Every stub is in step with its declaration.")
    return 0


def _build(options: argparse.Namespace) -> int:
    from autograder.chapters.chapter import build_notebooks

    count = build_notebooks(options.chapters)
    print(f"{count} chapters composed in _build/learner and _build/source.")
    return 0


def _work(options: argparse.Namespace) -> int:
    from autograder.chapters.toc import ROOT
    from autograder.notebook.workspace import lay_out

    _say(*lay_out(ROOT / "work"))
    return 0


def _try(options: argparse.Namespace) -> int:
    from autograder.chapters.trial import in_words, try_exercise, watch

    if options.watch:
        again = [options.name, *options.mistakes, "--course", str(options.course)]
        watch([*again, "--keep"])
        return 0
    said = try_exercise(options.name, tuple(options.mistakes), options.keep)
    _say(*in_words(options.name, said))
    return int(any(one.trouble for one in said))


def _judge(options: argparse.Namespace) -> int:
    from autograder.grading.judge_file import judge_file
    from autograder.judge.render import as_text

    verdicts = judge_file(options.file, allow_unsafe=options.allow_unsafe)
    if options.json:
        data = {"verdicts": [verdict.as_json() for verdict in verdicts]}
        print(json.dumps(data, indent=2))  # in ASCII: the same data, and harmless
    else:
        _show("\n\n".join(as_text(verdict) for verdict in verdicts))
    return 0 if all(verdict.passed for verdict in verdicts) else 1


def _course(options: argparse.Namespace) -> int:
    from autograder.course.setup import make_course

    due = tuple(options.due)
    _say(*make_course(options.course, options.course_id, options.roster, due))
    return 0


def _collect(options: argparse.Namespace) -> int:
    from autograder.course.collect.collect import collect_chapter

    summary = collect_chapter(options.course, options.chapter, options.source)
    _say(*summary.lines)
    return 0 if summary.complete else 1


def _release(options: argparse.Namespace) -> int:
    from autograder.course.handout.release import release

    _say(*release(options.course, options.chapter, tell=_warn))
    return 0


def _grade(options: argparse.Namespace) -> int:
    from autograder.course.grade import grade_chapter

    summary = grade_chapter(
        options.course,
        options.chapter,
        options.jobs,
        options.scheduler,
        _options(options),
        tell=_warn,
    )
    if options.json:
        print(json.dumps(vars(summary)))
    else:
        _say(*summary.lines())
    return 1 if summary.missing else 0


def _example(options: argparse.Namespace) -> int:
    from autograder.course.example import hand_in_example, remove_example

    if options.remove:
        _say(*remove_example(options.course))
    else:
        _say(*hand_in_example(options.course, options.chapter, options.students))
    return 0


def _report(options: argparse.Namespace) -> int:
    from autograder.course.spare import spare_imports

    spare_imports()
    from autograder.course.report import report_chapter

    written = report_chapter(options.course, options.chapter)
    _say(*(f"{path}: written" for path in written))
    return 0


def _bench(options: argparse.Namespace) -> int:
    from autograder.course.bench import bench

    bench(options.students, options.chapter)
    return 0


if __name__ == "__main__":
    sys.exit(main())
