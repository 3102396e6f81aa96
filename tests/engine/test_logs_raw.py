"""Files as text: encodings, gzip, and what is no text at all."""

from __future__ import annotations

import gzip
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KnowledgeError
from engine.logs import raw as reading
from engine.logs.raw import open_raw

TEXT = "héllo\n你好\n"


def a_file(folder: Path, data: bytes, name: str = "log.txt") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[str, str]:
    with open_raw(path) as raw:
        return raw.text(), raw.encoding


def refused(path: Path) -> str:
    with pytest.raises(KnowledgeError) as caught:
        read(path)
    [problem] = caught.value.problems
    assert problem.file == str(path)
    return problem.message


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (TEXT.encode(), "UTF-8"),
        (TEXT.encode("utf-8-sig"), "UTF-8"),
        (TEXT.encode("utf-16"), "UTF-16"),
        (b"\xfe\xff" + TEXT.encode("utf-16-be"), "UTF-16"),
        (gzip.compress(TEXT.encode(), mtime=0), "UTF-8, gzip"),
        (gzip.compress(TEXT.encode("utf-16"), mtime=0), "UTF-16, gzip"),
        (b"", "UTF-8"),
        (gzip.compress(b"", mtime=0), "UTF-8, gzip"),
    ],
)
def test_the_encoding_is_found_whatever_the_name_says(tmp_path: Path, data: bytes, encoding: str) -> None:
    text, found = read(a_file(tmp_path, data))
    assert found == encoding
    assert text in (TEXT, "")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("one\ncafé\n".encode("latin-1"), "line 2: byte 0xe9 at 7 is not UTF-8; save the file as UTF-8"),
        ("你好\none\n".encode() + "café".encode("latin-1"), "line 3: byte 0xe9 at 14 is not UTF-8, though text before"),
        ("one".encode("utf-16") + b"x", "is not UTF-16"),
        (b"PK\x03\x04rest", "is a packed, Excel or PDF file"),
        (b"\x89PNG\x00\x00", "is a binary file"),
        ("hello".encode("utf-16-le"), "UTF-16 without a mark"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-9], "gzip"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
    ],
)
def test_what_is_no_text_says_where_and_what_to_do(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refused(a_file(tmp_path, data))


def test_a_byte_that_is_wrong_is_found_beyond_the_first_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_PIECE", 4)
    assert "line 3: byte 0xff at 16" in refused(a_file(tmp_path, "äöü\n你好\nab".encode() + b"\xff"))


@pytest.mark.parametrize("where", ["none.txt", "."])
def test_what_cannot_be_opened_says_why(tmp_path: Path, where: str) -> None:
    assert refused(tmp_path / where) in ("no such file", "is a folder, not a file")


def test_lines_end_with_a_line_break_and_nothing_else(tmp_path: Path) -> None:
    with open_raw(a_file(tmp_path, "one\u2028two\x0c\nthree\r\nfour".encode())) as raw:
        assert list(raw.lines()) == [(1, "one\u2028two\x0c\n"), (2, "three\r\n"), (3, "four")]


def test_a_line_without_an_end_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PIECE", 8)
    monkeypatch.setattr(reading, "_LONGEST_LINE", 20)
    monkeypatch.setattr(reading, "_LONGEST_TEXT", 20)
    path = a_file(tmp_path, b"x" * 100)
    with open_raw(path) as raw, pytest.raises(KnowledgeError, match="the line is longer"):
        list(raw.lines())
    assert "part it into several files" in refused(path)


@given(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\ufeff\x00"), max_size=80))
def test_text_of_every_encoding_is_read_to_the_same(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "text.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        for data in (text.encode(encoding), gzip.compress(text.encode(encoding), mtime=0)):
            path.write_bytes(data)
            if data[:2] != b"PK" and data[:4] != b"%PDF":
                assert read(path)[0] == text


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda data: b"\x1f\x8b\x08" + data))
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.bin"
    path.write_bytes(data)
    with suppress(KnowledgeError), open_raw(path) as raw:
        assert "".join(text for _, text in raw.lines()) is not None
