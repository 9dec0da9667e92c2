"""The picture that stands for the book where somebody links to it."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Curve

from book.palette import LIGHT
from book.sentence import TOKENS

from .contents import last_word

PAPER = "#fdfcf9"
# The book's own letters, as matplotlib reads them: `fonts.py` makes the file.
FACE = Path(__file__).parent / "theme" / "preview.ttf"
SIZE, DPI = (12, 6.3), 100  # 1200 x 630 pixels


def setup(app):
    app.connect("build-finished", publish)


def publish(app, error):
    if not error and app.builder.format == "html":
        draw(app.config.html_title, Path(app.outdir, "_static", "preview.png"))


def draw(title, file):
    """The title over the running sentence, whose last word looks back."""
    figure = Figure(SIZE, DPI, facecolor=PAPER)
    page = figure.add_axes((0, 0, 1, 1), xlim=(0, 12), ylim=(0, 6.3))
    page.axis("off")
    ink = {"font": FontProperties(fname=FACE), "color": LIGHT["ink"]}
    quiet = ink | {"color": LIGHT["quiet"]}
    page.text(1, 4.9, title, size=62, **ink)
    places = [1.5 + 3 * i for i in range(len(TOKENS))]
    for token, weight, x in zip(TOKENS, last_word(), places, strict=True):
        page.text(x, 1.45, token, size=40, ha="center", **ink)
        page.text(x, 0.8, f"{weight:.2f}", size=22, ha="center", **quiet)
        if x != places[-1]:
            page.add_patch(arc(places[-1], x, 2.2, max(2, 18 * weight)))
    figure.savefig(file, metadata={"Software": None})


def arc(start, stop, base, width):
    """A curve from one word back to another, higher the further it goes."""
    top = base + 0.6 + 0.2 * (start - stop)
    points = [(start, base), (start, top), (stop, top), (stop, base)]
    path = Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * 3])
    look = {"edgecolor": LIGHT["A"], "linewidth": width, "capstyle": "round"}
    return PathPatch(path, facecolor="none", **look)
