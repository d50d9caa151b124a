"""Read the boxes of Pascal VOC files, one for each photograph."""

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException, DTDForbidden, ElementTree

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import read_text, with_suffix
from stages.crop_masks.boxes import CORNERS, Box, parse_corners, parse_size
from stages.crop_masks.photographs import DataSet, stem

TITLE = "Pascal VOC"
# The first element of an XML file, behind its declaration and comments.
ROOT = re.compile(rb"\A\s*(?:<[?!][^>]*>\s*)*<([A-Za-z_][\w.-]*)")
SNIFFED = 4096  # bytes in which the first element stands
OTHER_NAME = "Pascal VOC files name another photograph than that of their own name; <filename> was taken"
ENCODING = re.compile(rb"\A<\?xml[^>]*?\sencoding\s*=\s*[\"']([A-Za-z][\w.-]*)[\"']")
# Encodings of several bytes a letter, which the parser lacks, and Python's that reads them. Windows writes
# letters of its own under four of these names, as browsers know too.
MULTI_BYTE = {
    "big5": "cp950",
    "big5hkscs": "big5hkscs",
    "cp932": "cp932",
    "cp949": "cp949",
    "cp950": "cp950",
    "euc_jp": "euc_jp",
    "euc_kr": "cp949",
    "gb18030": "gb18030",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso2022_jp": "iso2022_jp",
    "johab": "johab",
    "shift_jis": "cp932",
}


def find(data: DataSet) -> list[str]:
    """The XML files of the data set, but for those that begin as another kind of XML."""
    found = []
    for name in with_suffix(data.names, frozenset({".xml"})):
        root = root_of(data, name)
        if root in ("annotation", ""):
            found.append(name)
        elif root != "annotations":  # of CVAT
            data.faults.note("XML files are no annotations", f"{name}, which begins with <{root}>")
    return found


def root_of(data: DataSet, name: str) -> str:
    """The name of the first element of an XML file, "" where it cannot be told."""
    root = ROOT.match(data.first_bytes(name, SNIFFED))
    return root[1].decode() if root else ""


def read(data: DataSet, name: str) -> Iterator[Box]:
    """The boxes of one file; a photograph without faces has none."""
    root = _parse(data, name)
    given = _text(root, "filename", name)
    photograph = data.find_of_one(name, given, OTHER_NAME)
    objects = root.findall("object")
    if not objects:
        data.empty |= {photograph} if photograph else set()
        return
    if photograph is None:
        raise InputError(f"{name}: there is no photograph {given or stem(name)!r} in the archive")
    size = parse_size(_text(root, "size/width", name), _text(root, "size/height", name), name)
    for number, face in enumerate(objects, start=1):
        with data.faults.gathered():
            where = f"{name} object {number}"
            corners = parse_corners([_text(face, f"bndbox/{corner}", where) for corner in CORNERS], where)
            yield Box("", photograph, _text(face, "name", where), name, corners, size, number)


def _parse(data: DataSet, name: str) -> Element:
    """The root of an XML file; entities, which can blow up or read files, are refused."""
    content = read_text(data.archive, name)
    with parsing(name):
        root = ElementTree.fromstring(_decode(content), forbid_dtd=True)
    if root.tag != "annotation":
        raise InputError(f"{name}: not a Pascal VOC file: it begins with <{root.tag}>, not <annotation>")
    return root


@contextmanager
def parsing(name: str) -> Iterator[None]:
    """Make what a parser of XML raises an InputError that begins with the file's name."""
    try:
        yield
    except DTDForbidden:
        raise InputError(
            f"{name}: it has a <!DOCTYPE>, which can read files or fill memory; remove that declaration"
        ) from None
    except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
        raise InputError(f"{name}: not usable XML: {error}") from None


def _decode(content: bytes) -> str | bytes:
    """An XML file as text if it declares an encoding of MULTI_BYTE, else as it is, for the parser."""
    declared = ENCODING.match(content)
    encoding = MULTI_BYTE.get(codecs.lookup(declared[1].decode()).name) if declared else None
    return content.decode(encoding) if encoding else content


def _text(element: Element, path: str, where: str) -> str:
    """The text of an element, "" if it is empty or missing; InputError if it is there twice."""
    for tag in path.split("/"):
        found = element.findall(tag)
        if len(found) > 1:
            raise InputError(f"{where}: <{tag}> is there {len(found)} times; keep one of them")
        if not found:
            return ""
        element = found[0]
    return (element.text or "").strip()
