"""The stage: the chapters, their running sentence and their animations."""
