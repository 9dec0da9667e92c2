"""What a cell prints, in one piece.

A kernel sends what was printed in pieces, and on a busy machine one of them ends
between a line and its line break. MyST-NB ends each piece with a break of its own,
which would leave an empty line. So the pieces are put together first.
"""

from myst_nb.core import render

coalesce = render.coalesce_streams


def setup(app):
    render.coalesce_streams = in_one_piece


def in_one_piece(outputs):
    """The outputs of a cell; each stream stands whole where its first piece was."""
    whole, streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            whole.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output.copy()
            whole.append(streams[output["name"]])
    return coalesce(whole)
