"""What several test modules share."""

from browser import chromium  # noqa: F401  (a fixture)
