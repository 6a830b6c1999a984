"""A block goes in and comes out, and the rest of the file stays as it is, to the byte."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils import _block

LINES = "from .celery import app as celery_app  # noqa: F401\n\nX = (\n    1,\n)"

STATEMENTS = (
    "\n",
    "\t\n",
    "\f\n",
    "INSTALLED_APPS = [\n    'orders',\n\n    'customers',  # é\n]\n",
    "DEBUG = False  # a comment at the end of a line\n",
    "# a comment alone, with a backslash \\\n",
    "    # an indented comment\n",
    "if DEBUG:\n\tLEVEL = 1\n\t\n",
    "def f():\n    return 1\n",
    "TEXT = '''\n# é, and no comment\n    '''\n",
    "SUM = 1 \\\n    + 2\n",
    "for n in ():\n    pass  # é",
)


@st.composite
def python_files(draw: st.DrawFn) -> bytes:
    """A settings file as editors on all systems leave them."""
    text = "".join(draw(st.lists(st.sampled_from(STATEMENTS), max_size=6)))
    text = draw(st.sampled_from(["{}", "{}  ", "{}\t", "{}# the end"])).format(text)
    if draw(st.booleans()):
        text = text.rstrip("\n")
    encoding, cookie, bom = draw(
        st.sampled_from(
            [
                ("utf-8", "", b""),
                ("utf-8", "", b"\xef\xbb\xbf"),
                ("latin-1", "# -*- coding: latin-1 -*-\n", b""),
                ("cp1252", "#!/usr/bin/env python\n# vim: set fileencoding=cp1252 :\n", b""),
            ]
        )
    )
    content = (cookie + text).replace("\n", draw(st.sampled_from(["\n", "\r\n", "\r"])))
    return bom + content.encode(encoding)


def lines_of(line: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Files of such lines, with mixed line ends."""
    ends = st.sampled_from([b"\n", b"\r\n", b"\r", b""])
    return st.lists(st.tuples(line, ends).map(b"".join), max_size=8).map(b"".join)


CONTENTS = st.one_of(
    python_files(), st.binary(max_size=60), lines_of(st.sampled_from([b"", b" ", b"\t", b"x = 1"]))
)


@given(CONTENTS)
@example(b"")
@example(b"\n")
@example(b"x = 1\r")
@example(b"a\r\nb\nc")
@example(b"\xef\xbb\xbf")
def test_taking_out_gives_back_the_bytes(content: bytes) -> None:
    added = _block.lacks_newline(content)
    assert _block.without(_block.put(content, LINES, "a hint"), added) == content


@given(CONTENTS)
def test_put_again_changes_nothing(content: bytes) -> None:
    once = _block.put(content, LINES, "a hint")
    assert _block.put(once, LINES, "a hint") == once


@given(CONTENTS)
def test_a_renewed_block_is_as_a_new_one(content: bytes) -> None:
    renewed = _block.put(_block.put(content, "OLD = 1", "old"), LINES, "a hint")
    assert renewed == _block.put(content, LINES, "a hint")


@given(CONTENTS)
def test_a_block_is_found_once_it_is_in(content: bytes) -> None:
    assert not _block.has_block(content)
    assert _block.has_block(_block.put(content, LINES))
    assert _block.without(content) == content


@given(python_files())
def test_python_stays_valid(content: bytes) -> None:
    try:
        before = ast.parse(content)
    except SyntaxError:
        assume(False)
    after = ast.parse(_block.put(content, LINES, "a hint"))
    own = ast.parse(LINES)
    assert [ast.dump(node) for node in after.body] == [ast.dump(node) for node in (*before.body, *own.body)]


@given(
    CONTENTS.map(lambda content: content + b"\n"),
    lines_of(st.binary(max_size=9)).map(lambda text: text + b"\n"),
    lines_of(st.binary(max_size=9)),
)
def test_what_the_user_wrote_around_it_survives(content: bytes, above: bytes, below: bytes) -> None:
    assume(not _block.has_block(above + content + below))
    edited = above + _block.put(content, LINES) + below
    assert _block.without(edited) == above + content + below
    renewed = _block.put(edited, "NEW = 1")
    assert _block.without(renewed) == above + content + below


def test_a_line_below_keeps_the_newline_that_was_added() -> None:
    edited = _block.put(b"A = 1", LINES) + b"B = 2\n"
    assert _block.without(edited, newline_added=True) == b"A = 1\nB = 2\n"


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_the_block_has_the_line_ends_of_the_file(end: bytes) -> None:
    content = _block.put(b"A = 1" + end + b"B = 2" + end, LINES)
    assert content.count(end) == content.count(b"\n")


def test_the_hint_is_for_the_reader_of_the_first_mark() -> None:
    first, *_rest = _block.put(b"", LINES, "Made by somebody.").splitlines()
    assert first == b"# celeriac.django: begin. Made by somebody."
    first, *_rest = _block.put(b"", LINES).splitlines()
    assert first == b"# celeriac.django: begin"


def test_the_newline_goes_also_where_the_blank_line_went_before() -> None:
    edited = _block.put(b"A = 1", LINES).replace(b"\n\n#", b"\n#", 1)
    assert _block.without(edited, newline_added=True) == b"A = 1"


def test_a_user_may_indent_and_annotate_the_marks() -> None:
    content = (
        b"A = 1\n\n    # celeriac.django: begin (do not touch)\n    B = 2\n"
        b"    # celeriac.django: end of it\nC = 3\n"
    )
    assert _block.without(content) == b"A = 1\nC = 3\n"


def test_a_block_whose_end_mark_lost_its_newline_is_renewed_in_place() -> None:
    content = _block.put(b"A = 1\n", "B = 2").rstrip(b"\n")
    assert _block.put(content, "B = 2") == content
    assert _block.without(content) == b"A = 1\n"


def test_a_first_mark_without_its_end_swallows_nothing() -> None:
    damaged = b"# celeriac.django: begin\nOLD = 1\nMINE = 1\n"
    once = _block.put(damaged, "NEW = 1")
    assert _block.put(once, "NEWER = 1").startswith(damaged)
    assert _block.without(once) == damaged


def test_only_ascii_goes_in() -> None:
    with pytest.raises(UnicodeEncodeError):
        _block.put(b"# coding: latin-1\n", "# é")
