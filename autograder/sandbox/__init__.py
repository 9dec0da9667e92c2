"""Runs code that is not trusted. Knows values, and nothing else of this project."""
