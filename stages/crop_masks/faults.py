"""What is wrong or odd in a data set, gathered so that one run says all of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.runtime.errors import InputError, shorten

SHOWN = 20  # faults that a message lists
SKIPPING = "`crop_masks.invalid_boxes: skip` (of look_at and classify: --invalid-boxes skip)"


class InvalidBox(InputError):
    """A box without area, or outside of its photograph."""


class Faults:
    """The faults and oddities found so far. With `skip`, invalid boxes are left out and counted."""

    def __init__(self, skip: bool = False) -> None:
        self.skip = skip
        self.skipped = 0
        self.count = self.invalid = 0
        self.first: list[str] = []
        self.odd: Counter[str] = Counter()
        self.where: dict[str, str] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Take an InputError of the block as a fault, and go on."""
        try:
            yield
        except InvalidBox as error:
            if self.skip:
                self.skipped += 1
                self.note("invalid boxes were skipped (crop_masks.invalid_boxes)", str(error))
            else:
                self.invalid += 1
                self.add(str(error))
        except InputError as error:
            self.add(str(error))

    def add(self, fault: str) -> None:
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(fault)

    def note(self, sentence: str, where: str) -> None:
        """Count an oddity, which is reported and has no other effect."""
        self.odd[sentence] += 1
        self.where.setdefault(sentence, where)

    def notes(self) -> list[str]:
        """A sentence for each kind of oddity: how often, and where first."""
        return [
            shorten(f"{count} {sentence}; first: {self.where[sentence]}")
            for sentence, count in self.odd.items()
        ]

    def check(self) -> None:
        """Raise InputError if there are faults: the first ones, and how many more."""
        if self.count == 1:
            raise InputError(self.first[0], *([f"{SKIPPING} leaves it out"] if self.invalid else []))
        if self.count:
            more = [f"and {self.count - SHOWN} more"] if self.count > SHOWN else []
            if self.invalid:
                more.append(f"{self.invalid} of them are invalid boxes; {SKIPPING} leaves these out")
            raise InputError(f"{self.count} faults:", *self.first, *more)
