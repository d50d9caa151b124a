"""The files of a source of photographs with boxes, as the readers of its annotations see them."""

from pipeline.runtime.errors import InputError
from pipeline.sources.archives import ARCHIVE_ERRORS, Archive, archive_name, file_names
from stages.crop_masks.faults import Faults
from stages.crop_masks.photographs import Photographs


class DataSet:
    """An archive or folder, what was found wrong in it, and which of its files were read."""

    def __init__(self, archive: Archive, skip_invalid: bool = False) -> None:
        self.archive = archive
        self.source = archive_name(archive)  # what errors call it
        self.names = file_names(archive)
        self.photographs = Photographs(archive, self.names)
        self.faults = Faults(skip_invalid)
        self.empty: set[str] = set()  # photographs that an annotation names and gives no box
        self.helpers: set[str] = set()  # files of class names and of lists that were read

    def first_bytes(self, name: str, count: int) -> bytes:
        """The beginning of a file; InputError if the archive is damaged there."""
        try:
            with self.archive.open(name) as file:
                return file.read(count)
        except ARCHIVE_ERRORS as error:
            raise InputError(f"{self.source}: {name} cannot be read: {error}") from None
