"""The page that answers: what a reader writes is checked in the page itself.

`page`      makes an exercise a section of its page
`gallery`   wrong answers to look at, and the solution
`cells`     which cells of a chapter the page can run
`pack`      the judge and the exercises, packed for the worker
`sealed`    what Python needs there and nobody should come across
`pyodide`   Python for the browser, had once and kept
`publish`   lays it all beside the pages
`kernel`    Python in the worker: runs, checks, hints, plays
`static/`   the scripts: the page's own, the worker's, and the editor
`editor/`   what the editor is bundled from

The first seven are used when the book is built; of the others nothing is asked for
before a reader opens an exercise.
"""


def setup(app):
    from . import page, publish

    page.setup(app)
    publish.setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
