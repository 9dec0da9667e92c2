"""Decides from values, and says why: pure functions."""
