"""Terminal input that is not UTF-8 becomes a replacement character; Textual's own driver would end with a traceback."""

from __future__ import annotations

import codecs
from functools import partial

from textual.driver import Driver
from textual.drivers import linux_driver

DECODER = codecs.getincrementaldecoder.__name__


class ForgivingDriver(linux_driver.LinuxDriver):
    """The driver of Textual with a decoder that forgives: people paste Latin-1, and lines are noisy."""

    def run_input_thread(self) -> None:
        """Read keys until the screen is left."""
        # The decoder is made inside the method by a name of its module: there is no other place to hand one in.
        strict = vars(linux_driver)[DECODER]
        setattr(linux_driver, DECODER, forgiving_decoder)
        try:
            super().run_input_thread()
        finally:
            setattr(linux_driver, DECODER, strict)


def forgiving_decoder(encoding: str) -> partial[codecs.IncrementalDecoder]:
    """What ``codecs.getincrementaldecoder`` gives, with errors replaced."""
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")


def fitting_driver(usual: type[Driver]) -> type[Driver]:
    """The forgiving driver where Textual would use the one it is made from, else the usual one."""
    return ForgivingDriver if usual is linux_driver.LinuxDriver else usual
