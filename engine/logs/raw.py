"""Files as text, piece by piece: UTF-8, UTF-16 with a byte order mark, either of them packed with gzip."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

from engine.errors import KnowledgeError, Problem

_PIECE = 1 << 20  # bytes
_LONGEST_LINE = 1 << 26  # characters; whatever is longer is no line that anybody wrote
_LONGEST_TEXT = 1 << 27
_PACKED = (b"PK\x03\x04", b"%PDF", b"\xd0\xcf\x11\xe0")
_SAVE = "save the file as UTF-8 (in Excel: CSV UTF-8)"


class Raw:
    """An open file; it can be read once. ``encoding`` names what was found, ``head`` is the first piece of its text."""

    def __init__(self, path: Path, file: BufferedIOBase, *, compressed: bool) -> None:
        self.path = path
        self._file = file
        first = self._read()
        self._refuse_binary(first)
        codec, name = _codec(first)
        self.encoding = f"{name}, gzip" if compressed else name
        self._decoder = codecs.getincrementaldecoder(codec)()
        self._codec = name
        self._fed, self._line, self._plain = 0, 1, True
        self.head = self._decode(first, last=not first)
        self._ended = not first

    def pieces(self) -> Iterator[str]:
        """The text, the head first.

        Raises:
            KnowledgeError: If the file is damaged, or a byte is not of its encoding; names line and byte.
        """
        yield self.head
        while not self._ended:
            data = self._read()
            self._ended = not data
            yield self._decode(data, last=self._ended)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Lines with their numbers, each with its line break; only ``\\n`` ends a line.

        Raises:
            KnowledgeError: As ``pieces`` does, and at a line that has no end.
        """
        number, rest = 1, ""
        for piece in self.pieces():
            parts = (rest + piece).split("\n")
            rest = parts.pop()
            for part in parts:
                yield number, part + "\n"
                number += 1
            if len(rest) > _LONGEST_LINE:
                raise self._wrong(number, f"the line is longer than {_LONGEST_LINE:,} characters; is it one document?")
        if rest:
            yield number, rest

    def text(self) -> str:
        """All of it at once, for formats that are small by nature.

        Raises:
            KnowledgeError: As ``pieces`` does, and if it is longer than 128 million characters.
        """
        found: list[str] = []
        size = 0
        for piece in self.pieces():
            found.append(piece)
            size += len(piece)
            if size > _LONGEST_TEXT:
                raise self._wrong(0, f"has more than {_LONGEST_TEXT:,} characters; part it into several files")
        return "".join(found)

    def _read(self) -> bytes:
        try:
            return self._file.read(_PIECE)
        except EOFError as error:
            raise self._wrong(0, "the gzip file ends too early; it was not written or copied whole") from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self._wrong(0, f"is a damaged gzip file ({error}); pack or copy it again") from error
        except OSError as error:
            raise self._wrong(0, f"cannot be read: {error.strerror}") from error

    def _decode(self, data: bytes, *, last: bool) -> str:
        waiting = len(self._decoder.getstate()[0])
        try:
            text = self._decoder.decode(data, last)
        except UnicodeDecodeError as error:
            raise self._undecodable(error, self._fed - waiting) from error
        self._fed += len(data)
        self._line += text.count("\n")
        self._plain = self._plain and text.isascii()
        return text

    def _undecodable(self, error: UnicodeDecodeError, before: int) -> KnowledgeError:
        good = codecs.getincrementaldecoder(error.encoding)("ignore").decode(error.object[: error.start])
        line = self._line + good.count("\n")
        byte = f"line {line}: byte {error.object[error.start]:#04x} at {before + error.start:,}"
        mixed = "" if self._plain and good.isascii() else ", though text before it is: two encodings are mixed"
        return self._wrong(0, f"{byte} is not {self._codec}{mixed}; {_SAVE}")

    def _refuse_binary(self, first: bytes) -> None:
        if first.startswith(_PACKED):
            raise self._wrong(0, "is a packed, Excel or PDF file; save it as CSV (UTF-8) or unpack it")
        if b"\x00" in first and not first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            line = first[: first.index(b"\x00")].count(b"\n") + 1
            raise self._wrong(line, f"is a binary file, not CSV, JSON or YAML, or UTF-16 without a mark; {_SAVE}")

    def _wrong(self, line: int, message: str) -> KnowledgeError:
        return KnowledgeError([Problem(str(self.path), line, "", message)])


@contextmanager
def open_raw(path: Path) -> Iterator[Raw]:
    """Open a file to be read as text.

    Raises:
        KnowledgeError: If it cannot be opened, or is no text at all.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise _unopened(path, "no such file") from error
    except IsADirectoryError as error:
        raise _unopened(path, "is a folder, not a file") from error
    except OSError as error:
        raise _unopened(path, f"cannot be read: {error.strerror}") from error
    except ValueError as error:  # a name that holds a zero byte
        raise _unopened(path, f"cannot be read: {error}") from error
    with file:
        try:
            compressed = file.peek(2)[:2] == b"\x1f\x8b"
        except OSError as error:
            raise _unopened(path, f"cannot be read: {error.strerror}") from error
        if compressed:
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield Raw(path, unpacked, compressed=True)
        else:
            yield Raw(path, file, compressed=False)


def _codec(first: bytes) -> tuple[str, str]:
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "UTF-16"
    return "utf-8-sig", "UTF-8"


def _unopened(path: Path, message: str) -> KnowledgeError:
    return KnowledgeError([Problem(str(path), 0, "", message)])
