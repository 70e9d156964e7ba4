"""A transparent drawing surface on Pillow: smooth lines, dots, stars and text in CSS pixels."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from score_nb.view.palette import Colour

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont

Point = tuple[float, float]
Anchor = Literal["lm", "mm", "rm", "ls", "ms", "rs", "lt", "mt", "rt"]

DENSITY = 2  # picture pixels per CSS pixel: crisp on HiDPI screens
_SMOOTH = 2  # drawn so much larger still, then averaged: Pillow's own lines have hard edges


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG with its size in CSS pixels and what it shows, in words."""

    png: bytes
    width: int
    height: int
    alt: str


@lru_cache(maxsize=16)
def _font(size: float) -> FreeTypeFont:
    from PIL import ImageFont

    font = ImageFont.load_default(size * DENSITY)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow has no FreeType: install its wheel (pip install --force-reinstall pillow)")
    return font


class Canvas:
    """Draws on a surface of `width` x `height` CSS pixels; nothing is blended, so draw from the back to the front."""

    def __init__(self, width: float, height: float) -> None:
        from PIL import Image, ImageDraw

        self.width, self.height = math.ceil(width), math.ceil(height)
        self._scale = DENSITY * _SMOOTH
        self._shapes = Image.new("RGBA", (self.width * self._scale, self.height * self._scale), (128, 128, 128, 0))
        self._draw = ImageDraw.Draw(self._shapes)
        self._texts: list[tuple[Point, str, float, Colour, Anchor]] = []

    def line(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """Draw a line through `points`."""
        self._draw.line([self._at(p) for p in points], fill=colour, width=self._px(width), joint="curve")

    def dashed(self, points: Sequence[Point], colour: Colour, width: float, dash: float = 4.0) -> None:
        """Draw a dashed line through `points`, dashes and gaps of equal length."""
        for piece in _dashes(points, dash):
            self.line(piece, colour, width)

    def dot(self, at: Point, radius: float, fill: Colour, edge: Colour | None = None, width: float = 0.0) -> None:
        """Draw a disc; one filled with NOTHING is a ring."""
        (x, y), r = self._at(at), radius * self._scale
        self._draw.ellipse((x - r, y - r, x + r, y + r), fill=fill, outline=edge, width=self._px(width) if edge else 0)

    def star(self, at: Point, radius: float, fill: Colour, edge: Colour) -> None:
        """Draw a five-pointed star with an edge."""
        for size, colour in ((radius + 1.3, edge), (radius, fill)):
            self._polygon(at, size, colour, corners=10, inner=0.46)

    def diamond(self, at: Point, radius: float, colour: Colour) -> None:
        """Draw a filled diamond."""
        self._polygon(at, radius, colour, corners=4, inner=1.0)

    def cross(self, at: Point, radius: float, colour: Colour, width: float) -> None:
        """Draw a cross of two diagonals."""
        x, y = at
        self.line([(x - radius, y - radius), (x + radius, y + radius)], colour, width)
        self.line([(x - radius, y + radius), (x + radius, y - radius)], colour, width)

    def badge(self, at: Point, radius: float, colour: Colour, sign: str) -> None:
        """Draw a disc that bears a sign, for marks that must not be told by colour alone."""
        self.dot(at, radius, colour)
        self.text(at, sign, (255, 255, 255, 255), size=1.75 * radius, anchor="mm")

    def box(self, corner: Point, size: Point, fill: Colour) -> None:
        """Draw a filled rectangle from its upper left corner."""
        left, top = self._at(corner)
        self._draw.rectangle((left, top, left + size[0] * self._scale - 1, top + size[1] * self._scale - 1), fill=fill)

    def text(self, at: Point, words: str, colour: Colour, size: float = 11.0, anchor: Anchor = "lm") -> None:
        """Write `words`; `anchor` says which point of the text is at `at` (Pillow's anchors)."""
        self._texts.append((at, words, size, colour, anchor))

    def image(self) -> Image:
        """Return the drawing, `DENSITY` times the canvas in size."""
        from PIL import Image, ImageDraw

        size = (self.width * DENSITY, self.height * DENSITY)
        picture = self._shapes.resize(size, Image.Resampling.BOX)
        for at, words, font_size, colour, anchor in self._texts:
            # A layer of the text's own colour: written straight onto a transparent ground its edges would turn grey.
            left, top, right, bottom = (round(v) for v in _font(font_size).getbbox(words, anchor=anchor))
            x, y = round(at[0] * DENSITY), round(at[1] * DENSITY)
            layer = Image.new("RGBA", (max(1, right - left + 2), max(1, bottom - top + 2)), (*colour[:3], 0))
            ImageDraw.Draw(layer).text((1 - left, 1 - top), words, fill=colour, font=_font(font_size), anchor=anchor)
            _paste(picture, layer, x + left - 1, y + top - 1)
        return picture

    def picture(self, alt: str) -> Picture:
        """Return the drawing as a PNG."""
        return Picture(encode(self.image()), self.width, self.height, alt)

    def _polygon(self, at: Point, radius: float, colour: Colour, corners: int, inner: float) -> None:
        x, y = self._at(at)
        points = []
        for i in range(corners):
            reach = radius * self._scale * (inner if i % 2 else 1.0)
            angle = 2 * math.pi * i / corners
            points.append((x + reach * math.sin(angle), y - reach * math.cos(angle)))
        self._draw.polygon(points, fill=colour)

    def _at(self, point: Point) -> Point:
        return point[0] * self._scale, point[1] * self._scale

    def _px(self, width: float) -> int:
        return max(1, round(width * self._scale))


def side_by_side(canvases: Sequence[Canvas], gap: int = 16, most: int = 36_000) -> bytes:
    """Return one PNG of all drawings, in a row where that is at most 1000 CSS pixels wide, else one below the other.

    A picture of more than `most` bytes comes in one pixel per CSS pixel.
    """
    from PIL import Image

    images = [canvas.image() for canvas in canvases]
    is_row = sum(canvas.width for canvas in canvases) + gap <= 1000
    step = gap * DENSITY
    widths, heights = [image.width for image in images], [image.height for image in images]
    size = (sum(widths) + step, max(heights)) if is_row else (max(widths), sum(heights) + step)
    sheet = Image.new("RGBA", size, (128, 128, 128, 0))
    x = y = 0
    for image in images:
        sheet.paste(image, (x, y))
        x, y = (x + image.width + step, 0) if is_row else (0, y + image.height + step)
    png = encode(sheet)
    if len(png) <= most:
        return png
    return encode(sheet.resize((size[0] // DENSITY, size[1] // DENSITY), Image.Resampling.BOX))


def text_width(words: str, size: float = 11.0) -> float:
    """Return how wide `words` are, CSS pixels."""
    return _font(size).getlength(words) / DENSITY


def encode(image: Image) -> bytes:
    """Return the picture as PNG bytes, in a palette of 255 colours (a quarter of the size, no visible loss)."""
    from PIL import Image as Images

    buffer = io.BytesIO()
    image.quantize(255, method=Images.Quantize.FASTOCTREE, dither=Images.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _paste(picture: Image, layer: Image, left: int, top: int) -> None:
    """Blend `layer` onto `picture`, cutting what stands over its edges."""
    cut_left, cut_top = max(0, -left), max(0, -top)
    if cut_left < layer.width and cut_top < layer.height and left < picture.width and top < picture.height:
        picture.alpha_composite(layer, (left + cut_left, top + cut_top), (cut_left, cut_top))


def _dashes(points: Sequence[Point], dash: float) -> list[list[Point]]:
    """Return the drawn pieces of a dashed line."""
    pieces: list[list[Point]] = []
    walked = 0.0
    for start, end in pairwise(points):
        length = math.dist(start, end)
        done = 0.0
        while done < length:
            phase = (walked + done) % (2 * dash)
            step = min((dash if phase < dash else 2 * dash) - phase + 1e-9, length - done)
            if phase < dash:
                a, b = done / length, (done + step) / length
                pieces.append([_between(start, end, a), _between(start, end, b)])
            done += step
        walked += length
    return pieces


def _between(start: Point, end: Point, part: float) -> Point:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part
