"""Read the boxes of a Pascal VOC file."""

import zipfile
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, DTDForbidden, ElementTree

from pipeline.common.settings import InputError
from pipeline.masks.boxes import CORNERS, Box, parse_corners, parse_size
from pipeline.masks.photographs import Photographs
from pipeline.sources.archives import read_text


def read_voc(archive: zipfile.ZipFile, name: str, split: str, photographs: Photographs) -> Iterator[Box]:
    """The boxes of a Pascal VOC file; a photograph without faces has none."""
    root = _parse(archive, name)
    objects = root.findall("object")
    if not objects:
        return
    photograph = photographs.find_voc(_text(root, "filename"), name)
    size = parse_size(_text(root, "size/width"), _text(root, "size/height"), name)
    for number, face in enumerate(objects, start=1):
        where = f"{name} object {number}"
        corners = parse_corners([_text(face, f"bndbox/{corner}") for corner in CORNERS], where)
        yield Box(split, photograph, _text(face, "name"), name, corners, size, number)


def _parse(archive: zipfile.ZipFile, name: str) -> Element:
    """The root of an XML file; entities, which can blow up or read files, are refused."""
    try:
        root = ElementTree.fromstring(read_text(archive, name), forbid_dtd=True)
    except DTDForbidden:
        raise InputError(
            f"{name}: it has a <!DOCTYPE>, which can read files or fill memory; remove that declaration"
        ) from None
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise InputError(f"{name}: not usable XML: {error}") from None
    if root.tag != "annotation":
        raise InputError(f"{name}: not a Pascal VOC file: it begins with <{root.tag}>, not <annotation>")
    return root


def _text(element: Element, path: str) -> str:
    """The text of an element, "" if it is empty or missing."""
    return (element.findtext(path) or "").strip()
