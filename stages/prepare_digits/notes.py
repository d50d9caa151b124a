"""How a source of digits was read."""

from typing import NamedTuple

from pipeline.common.classes import DIGIT_CLASSES
from pipeline.common.digits import SIDE
from pipeline.runtime.errors import shorten
from stages.prepare_digits.sample import INK


class Notes(NamedTuple):
    """How a source of digits was read."""

    layout: str
    unread: str = ""  # the other files, in a few words
    sizes: frozenset[tuple[int, int]] = frozenset()  # (width, height) of the images
    inverted: int = 0  # images, dark on light
    white: int = 255  # the value of white in arrays
    split: str = "drawn, as the source publishes none"
    taken: tuple[str, ...] = ()  # sentences that say what was taken for what
    classes: tuple[str, ...] = DIGIT_CLASSES

    def sentences(self) -> list[str]:
        """What is odd."""
        found = list(self.taken)
        if sizes := [f"{width} x {height}" for width, height in sorted(self.sizes - {(SIDE, SIDE)})]:
            shown = ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} other sizes" if len(sizes) > 3 else "")
            found.append(f"of pictures of {shown} pixels the ink was cut out, and scaled to {INK} pixels")
        if self.white not in (1, 255):
            found.append(f"values from 0 to {self.white} were scaled to 255")
        if self.inverted:
            found.append(f"{self.inverted} pictures are dark on light, and were inverted to white on black")
        if set(self.classes) < set(DIGIT_CLASSES):
            found.append(f"classes are {' '.join(self.classes)}, {len(self.classes)} of the ten numerals")
        if self.unread:
            found.append(f"not read: {self.unread}")
        return list(map(shorten, found))
