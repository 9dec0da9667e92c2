"""Whose score is another one than at the last grading, and why: from two records.

A record holds what a verdict depends on, so the reasons are what differs between
the two. One that has no reason at all is worth a look: its code gives other values
each time.
"""

REASONS = {
    "submission": "it was handed in again",
    "exercises": "the exercise was corrected",
    "points": "its points were changed",
    "seed": "the hidden inputs are other ones",
    "versions": "the libraries have other versions",
    "limits": "the limits were changed",
}
NO_REASON = "nothing else has changed: does the code depend on chance or time?"


def changed_scores(before: dict, after: dict) -> list[dict]:
    """One entry for each exercise whose score differs between two records.

    Each has `student`, `exercise`, `before`, `after`, `of` (the maximum) and
    `reasons`, keys of REASONS. Exercises that only one record has are left out.
    """
    maximum = _maximum(after)
    scores = before.get("scores", {})
    return [
        {
            "student": after["student"],
            "exercise": name,
            "before": scores[name],
            "after": score,
            "of": maximum.get(name),
            "reasons": _reasons(before, after, name),
        }
        for name, score in after["scores"].items()
        if name in scores and scores[name] != score
    ]


def _reasons(before, after, name) -> list[str]:
    def digest(record):
        return record.get("exercises", {}).get(name)

    fields = ("submission", "seed", "versions", "limits")
    found = [field for field in fields if before.get(field) != after[field]]
    if digest(before) != digest(after):
        found.append("exercises")
    if _maximum(before).get(name) != _maximum(after).get(name):
        found.append("points")
    return [reason for reason in REASONS if reason in found]


def _maximum(record) -> dict[str, float]:
    return {v["exercise"]: v["max_score"] for v in record.get("verdicts", [])}


def line_of(change: dict) -> str:
    """For people: `ada: softmax 2 -> 4 of 4 (the exercise was corrected)`."""
    why = " and ".join(REASONS[reason] for reason in change["reasons"]) or NO_REASON
    return (
        f"{change['student']}: {change['exercise']} {change['before']:g} -> "
        f"{change['after']:g} of {change['of']:g} ({why})"
    )
