"""Check boxes against the size of their photographs, and decide which are on the turned ones."""

from pipeline.sources.orientation import AS_STORED, QUARTER_TURNS, is_turned
from stages.crop_masks.boxes import Box, by_photograph
from stages.crop_masks.faults import Faults, InvalidBox
from stages.crop_masks.geometry import clip
from stages.crop_masks.photographs import Photographs

AS_SAID = "photographs have an EXIF rotation, and their boxes fit it as turned"
BY_SIZE = "photographs have an EXIF rotation, and their boxes fit the pixels as stored, by width and height"
UNKNOWN = (
    "photographs have an EXIF rotation and no width and height that could tell, so their boxes are taken to "
    "be on the pixels as stored"
)


def place(boxes: list[Box], photographs: Photographs, faults: Faults) -> list[Box]:
    """The boxes that lie on their photographs, each with `turned`. Others are faults, or are skipped."""
    placed: list[Box] = []
    for group in by_photograph(boxes):
        with faults.gathered():
            header = photographs.header(group[0].photograph, group[0].where)
            before = len(placed)
            for box in group:
                with faults.gathered():
                    turned = is_turned(header, box)
                    check_inside(box, header.size[::-1] if turned else header.size)
                    placed.append(box._replace(turned=turned))
            if header.orientation not in AS_STORED and len(placed) > before:
                faults.note(how_taken(placed[before], header.orientation), group[0].photograph)
    return placed


def check_inside(box: Box, size: tuple[int, int]) -> None:
    """Raise InvalidBox unless a part of the box is within a photograph of this (width, height)."""
    if clip(box.corners, *size) is None:
        raise InvalidBox(f"{box.where}: the box {box.corners} lies outside of {box.photograph}, {size}")


def how_taken(box: Box, orientation: int | None) -> str:
    """How the boxes of a photograph with an EXIF rotation are taken."""
    if box.turned:
        return AS_SAID
    return BY_SIZE if box.size and orientation in QUARTER_TURNS else UNKNOWN
