"""What it costs to hand in late: a plugin of nbgrader's, for a course to switch on.

In the course's `nbgrader_config.py`:

    c.AssignLatePenalties.plugin_class = "autograder.policies.LatePolicy"
    c.LatePolicy.percent_per_day = 10

It holds in `nbgrader autograde`, in formgrader and in `grade`.
"""

from math import ceil

from nbgrader.api import Assignment, SubmittedAssignment
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, Integer

HOUR, DAY = 3600, 86400


class LatePolicy(LateSubmissionPlugin):
    """Some per cent of the score for each day that was begun, after what is free.

    Free are `grace_hours` after each due date, and `grace_days` for each student in
    the whole term. Days of grace are spent in the order of the due dates, whatever
    the order of grading; so the penalty of a chapter is right once the earlier ones
    are graded. Where that changes later, as by an extension, run `grade` again: it
    reckons the penalties anew, also of what it does not judge again.
    """

    grace_hours = Float(
        0.0, min=0.0, help="What is handed in so much later is still in time."
    ).tag(config=True)

    grace_days = Integer(
        0, min=0, help="Days that cost nothing, for each student in the whole term."
    ).tag(config=True)

    percent_per_day = Float(
        10.0, min=0.0, max=100.0, help="Of the score, for each further day begun."
    ).tag(config=True)

    at_most_percent = Float(
        100.0, min=0.0, max=100.0, help="Of the score: no penalty is higher."
    ).tag(config=True)

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        """The points to take off; None where there is nothing to take off."""
        days = self.days_late(total_seconds_late)
        days -= min(days, self.grace_left(student_id)) if self.grace_days else 0
        percent = min(days * self.percent_per_day, self.at_most_percent)
        return score * percent / 100 if percent else None

    def days_late(self, seconds: float) -> int:
        """Days begun after the hours of grace."""
        return max(0, ceil((seconds - self.grace_hours * HOUR) / DAY))

    def grace_left(self, student_id: str) -> int:
        """What earlier chapters left of a student's days of grace.

        The interface tells no chapter. nbgrader's preprocessor, which calls this,
        knows it and has the gradebook open; it is the plugin's parent.
        """
        gradebook, chapter = self.parent.gradebook, self.parent.assignment_id
        now = gradebook.find_assignment(chapter)
        earlier = (
            gradebook.db.query(SubmittedAssignment)
            .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
            .filter(SubmittedAssignment.student_id == student_id)
            .filter(Assignment.duedate.isnot(None))
        )
        left = self.grace_days
        for submission in earlier:
            due = submission.assignment.duedate, submission.assignment.name
            if due < (now.duedate, now.name):
                left -= min(left, self.days_late(submission.total_seconds_late))
        return left
