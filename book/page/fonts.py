"""Make `theme/static/fonts/math.woff2`, the part of STIX Two Math that the book needs,
and `theme/preview.ttf`, the letters of the text for the picture that links show.

    python book/page/fonts.py stix-two-math.woff2

The whole font weighs 400 kB. It is that of the npm package @fontsource/stix-two-math
5.3.0; the three of the text are files of @fontsource/stix-two-text 5.3.0, as they are.
This needs brotli, which nothing else here does: run it when a formula shows a sign in
another face.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

THEME = Path(__file__).parent / "theme"
FONTS = THEME / "static" / "fonts"
TARGET = FONTS / "math.woff2"
SIGNS = """
20-7E A0 A7 AC B0-B2 B7 D7 F7 131 237 2C6 2C7 2D9 2DC 300-30C 332 338
391-3A9 3B1-3C9 3D1 3D5 3D6 3F0 3F1 3F5
2013 2014 2016 2018 2019 201C 201D 2020 2022 2026 2032-2034 203E 2061-2064 20D7
210E
2190-2195 21A6 21D0-21D4 2200 2202-2209 220B 220F-2213 2215-221E 2223 2225-222B
2234 223C 2245 2248 225C 225D 2260 2261 2264 2265 226A 226B 227A 2282 2283 2286 2287
2295 2297 2299 22A4 22A5 22B2 22C5 22C6 22EE-22F1 2308-230B 23B4 23B5 23DC-23DF
25A1 27E8 27E9 27F5-27FA 2A00-2A02
1D434-1D467 1D6A4 1D6A5 1D6E2-1D71B
"""


def signs() -> set[str]:
    """The signs that a formula may have: bold, script and double-struck letters, which
    weigh 21 kB, are not among them.
    """
    return {chr(number) for number in _numbers(SIGNS)}


def main(source):
    font = TTFont(source)
    keep = subset.Options(flavor="woff2", layout_features=["ssty", "rtlm", "dtls"])
    maker = subset.Subsetter(keep)
    maker.populate(unicodes=_numbers(SIGNS))
    maker.subset(font)
    narrow_roots(font)
    subset.save_font(font, TARGET, keep)
    make_preview_face()


def make_preview_face():
    """The plain letters of the bold face, in the one form that matplotlib reads."""
    font = TTFont(FONTS / "text-bold.woff2")
    maker = subset.Subsetter(subset.Options(layout_features=["kern", "liga"]))
    maker.populate(unicodes=range(0x20, 0x7F))
    maker.subset(font)
    font.flavor = None
    font.save(THEME / "preview.ttf")


def narrow_roots(font):
    """Make every root sign as wide as the smallest.

    Chromium reserves the width of the widest for each root, and so leaves a gap
    behind the many small ones.
    """
    variants = font["MATH"].table.MathVariants
    root = font.getBestCmap()[0x221A]
    sizes = variants.VertGlyphConstruction[
        variants.VertGlyphCoverage.glyphs.index(root)
    ]
    names = {v.VariantGlyph for v in sizes.MathGlyphVariantRecord}
    names |= {part.glyph for part in sizes.GlyphAssembly.PartRecords}
    width = font["hmtx"][root][0]
    for name in names - {root}:
        wide, bearing = font["hmtx"][name]
        share = width / wide
        font["glyf"][name].coordinates.scale((share, 1))
        font["glyf"][name].recalcBounds(font["glyf"])
        font["hmtx"][name] = width, round(bearing * share)


def _numbers(ranges):
    for part in ranges.split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)


if __name__ == "__main__":
    main(sys.argv[1])
