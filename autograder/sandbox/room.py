"""How much of a submission's texts a notebook's file takes."""

import bisect

from autograder.values.wire import written_size


class Room:
    """The bytes that several texts may take together in a notebook's file.

    JSON writes some characters as six bytes. Once a text was cut, none has room.
    """

    def __init__(self, size: int):
        self._left = size
        self._sizes: dict[object, int] = {}

    def take(self, place: object, text: str) -> str:
        """The text, or its beginning where there is no room for all of it.

        A text that stands in the place of an earlier one has its room.
        """
        left = self._left + self._sizes.get(place, 0)
        size = written_size(text)
        if size > left:
            text, size = _beginning(text, left), left
        self._left, self._sizes[place] = left - size, size
        return text


def _beginning(text, size):
    lengths = range(1, len(text) + 1)
    return text[: bisect.bisect(lengths, size, key=lambda n: written_size(text[:n]))]
