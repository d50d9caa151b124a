"""The error of everything that a user gave and that is wrong."""

import reprlib

SHOWN = reprlib.Repr()  # how a wrong value is shown; a short YAML text can stand for an endless value
SHOWN.maxlist = SHOWN.maxtuple = SHOWN.maxset = SHOWN.maxdict = 20
SHOWN.maxstring = SHOWN.maxother = SHOWN.maxlong = 100
SHOWN.maxlevel = 3
show = SHOWN.repr


class InputError(Exception):
    """Something that the user gave is wrong; the message says what, where, and what to do, in `lines`."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "\n  ".join(self.lines)
