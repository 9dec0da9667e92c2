"""`nbgrader export --exporter=autograder.export.ExerciseExporter`, and the others."""

from autograder.course.export import CanvasExporter, ExerciseExporter, MoodleExporter

__all__ = ["CanvasExporter", "ExerciseExporter", "MoodleExporter"]
