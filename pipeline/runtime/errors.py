"""The error of everything that a user gave and that is wrong; how long a line may be."""

import reprlib

SHOWN = reprlib.Repr()  # how a wrong value is shown; a short YAML text can stand for an endless value
SHOWN.maxlist = SHOWN.maxtuple = SHOWN.maxset = SHOWN.maxdict = 20
SHOWN.maxstring = SHOWN.maxother = SHOWN.maxlong = 100
SHOWN.maxlevel = 3
show = SHOWN.repr

LONGEST_LINE = 400  # letters


def shorten(text: str) -> str:
    """A text with each line that is longer than LONGEST_LINE cut in its middle.

    An error names the place at its start, and says at its end what to do.
    """
    half = LONGEST_LINE // 2
    return "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[: half - 1]}…{line[-half:]}"
        for line in text.split("\n")
    )


class InputError(Exception):
    """Something that the user gave is wrong; the message says what, where, and what to do, in `lines`."""

    def __init__(self, *lines: str) -> None:
        self.lines = tuple(map(shorten, lines))
        super().__init__(*self.lines)

    def __str__(self) -> str:
        return "\n  ".join(self.lines)
