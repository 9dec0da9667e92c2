"""The colours of the book, once: for scenes, charts, tables, formulas and the page.

A colour has a role. Q is the colour of queries wherever queries are, and what it looks
like depends on the page: light or dark. Who draws something names the role, and
leaves the rest to whoever paints: the page by its style (`css`), matplotlib by
`paint`.
"""

from functools import lru_cache

# role: (on a light page, on a dark one). The letters and the two heads were searched
# for near familiar hues: for each of the three common colour blindnesses, and on
# either page, the two that come nearest to each other are 15 CIELAB units apart.
PALETTE = {
    "X": ("#41474e", "#a9aeb4"),
    "Q": ("#0a45e0", "#6684f7"),
    "K": ("#f5a400", "#fcc41c"),
    "V": ("#2f9159", "#14c06c"),
    "S": ("#00c8d6", "#4cf3fb"),
    "A": ("#b04fd0", "#bd76c5"),
    "O": ("#dd3c00", "#f6611b"),
    "Y": ("#dd3c00", "#f6611b"),
    "head1": ("#d31f86", "#eb678c"),
    "head2": ("#a3bd66", "#c9c750"),
    "ink": ("#22262b", "#e4e2dc"),
    "quiet": ("#5c6269", "#a3a8ae"),
    "line": ("#c3c9d0", "#4a525b"),
    "pale": ("#d9dce0", "#3a4048"),
    "paper": ("#ffffff", "#16181c"),
    "wrong": ("#951f11", "#ffb3a6"),
}
THEMES = ("light", "dark")
LETTERS = "XQKVSAOY"
HEADS = ("head1", "head2")
LIGHT = {role: light for role, (light, _) in PALETTE.items()}

# The tint of a cell: this much of its colour for the number 0, and for the largest.
FAINTEST, FULLEST = 0.08, 0.38


def mix(colour, other, share):
    """A colour between two: `share` 0 is the first, 1 the second. Both are roles, or
    mixed themselves.
    """
    for part in (colour, other):
        if isinstance(part, str) and part not in PALETTE:
            raise ValueError(f"{part!r} is no role; the roles are {', '.join(PALETTE)}")
    return (colour, other, round(float(share), 3))


def tint(role, share):
    """The fill of a cell whose number is this share of the largest."""
    return mix("paper", role, FAINTEST + (FULLEST - FAINTEST) * share)


@lru_cache(4096)
def paint(colour, theme="light"):
    """What a role or a mixture looks like: #rrggbb."""
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb(colour, theme))


def rgb(colour, theme="light"):
    """Red, green and blue from 0 to 1 of a role or a mixture."""
    if isinstance(colour, str):
        code = PALETTE[colour][THEMES.index(theme)]
        return tuple(int(code[k : k + 2], 16) / 255 for k in (1, 3, 5))
    first, second, share = colour
    pairs = zip(rgb(first, theme), rgb(second, theme), strict=True)
    return tuple(a + (b - a) * share for a, b in pairs)


def css():
    """The palette as custom properties: `--Q` is the colour of queries, `--Q-ink` the
    same dark enough (on a dark page: light enough) for letters on paper, and `--Q-on`
    the colour of letters on it.
    """
    looks = {_named(role): pair for role, pair in PALETTE.items()}
    for role in (*LETTERS, *HEADS):
        looks[f"{role}-ink"] = [paint(legible(role, t), t) for t in THEMES]
        looks[f"{role}-on"] = [paint(ink_on(role, t), t) for t in THEMES]
    for role in ("line", "quiet", "wrong", "ink"):
        looks[f"{role}-on"] = [paint(ink_on(role, t), t) for t in THEMES]
    return "\n".join(f"--{n}: light-dark({a}, {b});" for n, (a, b) in looks.items())


def ink_on(colour, theme):
    """What can be read better on a colour: ink or paper. On a mixture it is ink."""
    if not isinstance(colour, str):
        return "ink"
    return max(("ink", "paper"), key=lambda ink: contrast(ink, colour, theme))


def _named(role):
    """The page has an ink, a line and a paper of its own."""
    own = role in LETTERS or role in HEADS
    return role if own else f"stage-{role}"


def legible(role, theme, least=4.6):
    """A role with just as much ink as letters in its colour need on paper."""
    shares = (share / 20 for share in range(21))
    inked = (mix(role, "ink", share) for share in shares)
    return next(c for c in inked if contrast(c, "paper", theme) >= least)


def contrast(colour, other, theme="light"):
    """How much brighter one is than the other: 1 to 21 (WCAG 2.2, 1.4.3)."""
    low, high = sorted(_luminance(rgb(c, theme)) for c in (colour, other))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour):
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour
    ]
    return sum(
        w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )
