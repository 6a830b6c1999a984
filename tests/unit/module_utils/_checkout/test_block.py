# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A block goes in and comes out, and the rest of the file stays as it is, to the byte."""

from __future__ import annotations

import ast

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._checkout import block as _block

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


# Python that somebody's tools lay out, and that somebody edits

SETTINGS = (
    'if "shop.celery_ops" not in INSTALLED_APPS:\n'
    "    from shop import celery_settings\n\n"
    "    celery_settings.apply_to(globals())"
)
APP = "# isort: split\nfrom .celery import app as celery_app  # noqa: F401\n\n"

PARTS = (
    "import os\n",
    "from .base import *  # noqa: F403\n",
    "INSTALLED_APPS = [\n    'orders',\n\n    'customers',  # é\n]\n",
    "INSTALLED_APPS = ('orders',) + (\n\t'customers',\n)\n",
    "INSTALLED_APPS = ['orders'] \\\n    + ['customers']\n",
    "INSTALLED_APPS: list[str] = [*OWN, *THIRD]\n",
    "if DEBUG:\n\tINSTALLED_APPS += ['toolbar']\n\n\t# more\n",
    "def apps():\n    return ['é']\n\nINSTALLED_APPS = apps()\n",
    "# celery: begin\n",
    "\f\n",
    "\t\n",
    "    # an indented comment, with a backslash \\\n",
)
LAST = (
    "",
    "# the end\n# of it\n",
    "X = 1  # the end\n",
    "if DEBUG:\n    X = 1\n",
    "try:\n    from .local import *\nexcept ImportError:\n    pass\n",
    "try:\n\tX = 1\nfinally:\n\tX = 2\n\n",
    'X = """\n# é, and no comment\n    """\n',
    "X = 1 + \\\n    2\n",
    "def f():\n    return 1\n",
    "class C:\n    x = 1\n\n    def f(self):\n        pass\n\n\n",
    "if DEBUG:\n    @d\n    def f(): pass\n",
    "try:\n    X = 1\nexcept E:\n    class C: pass\n",
    "for x in ():\n    pass\nelse:\n    async def f(): ...\n",
    "def f():\n    return 1\n    # inside\n# outside\n",
    "match X:\n    case 1:\n        def f(): ...\n",
    "X = 1;",
)
ENCODINGS = (
    ("utf-8", "", b""),
    ("utf-8", "", b"\xef\xbb\xbf"),
    ("utf-8", "#!/usr/bin/env python\n# -*- coding: utf-8 -*-\n", b""),
    ("latin-1", "# -*- coding: latin-1 -*-\n", b""),
    ("cp1252", "# vim: set fileencoding=cp1252 :\n", b""),
)


@st.composite
def settings_files(draw: st.DrawFn) -> bytes:
    """A settings file that Python can read, however it is written and ends."""
    encoding, cookie, bom = draw(st.sampled_from(ENCODINGS))
    docstring = draw(st.sampled_from(["", '"""Settings.\n\nOf the shop: é.\n"""\n\n', "'''x'''\n"]))
    text = cookie + docstring + "".join(draw(st.lists(st.sampled_from(PARTS), max_size=5)))
    text += draw(st.sampled_from(LAST))
    if draw(st.booleans()):
        text = text.rstrip("\n") + draw(st.sampled_from(["", "  ", "\t", "\f"]))
    content = bom + text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))).encode(encoding)
    try:
        ast.parse(content)
    except SyntaxError:  # a backslash at the very end, say
        assume(False)
    return content


@hypothesis_settings(max_examples=60)
@given(settings_files(), st.sampled_from([SETTINGS, APP]))
def test_settings_come_back_to_the_byte(content: bytes, lines: str) -> None:
    once = _block.put(content, lines, "A hint.", [lines], python=True)
    ast.parse(once)
    assert _block.put(once, lines, "A hint.", [lines], python=True) == once
    added, blank = _block.lacks_newline(content), _block.blank_lines(content, python=True)
    assert _block.without(once, added, [lines], python=True, blank=blank) == content


@hypothesis_settings(max_examples=60)
@given(settings_files())
def test_a_renewed_block_of_settings_is_as_a_new_one(content: bytes) -> None:
    new = f"{SETTINGS}\nX = 2"
    first = _block.put(content, SETTINGS, python=True)
    renewed = _block.put(first, new, "", [SETTINGS, new], python=True)
    assert renewed == _block.put(content, new, python=True)


@pytest.mark.parametrize(
    ("content", "blank"),
    [
        ("", 0),
        ("X = 1\n", 1),
        ("def f():\n    pass\n", 2),
        ("class C:\n    pass", 2),
        ("if X:\n    def f(): ...\n", 2),
        ("if X:\n    def f(): ...\nelse:\n    Y = 1\n", 1),
        ("try:\n    X = 1\nexcept E:\n    def f(): ...\n", 2),
        ("try:\n    def f(): ...\nfinally:\n    X = 1\n", 1),
        ("with X:\n    class C: ...\n", 2),
        ("match X:\n    case 1:\n        def f(): ...\n", 2),
        ("def f(): ...\nX = 1\n", 1),
        ("def f(:\n", 1),
    ],
)
def test_as_many_blank_lines_as_black_wants(content: str, blank: int) -> None:
    assert _block.blank_lines(content.encode(), python=True) == blank
    assert _block.blank_lines(content.encode(), python=False) == min(blank, 1)


def with_block(before: bytes, lines: str = SETTINGS) -> bytes:
    """Returns a file with a block of Python."""
    return _block.put(before, lines, "A hint.", [lines], python=True)


def taken_out(content: bytes, lines: str = SETTINGS) -> bytes:
    """Returns a file without the block of Python."""
    return _block.without(content, known=[lines], python=True)


RELAID = {
    "single quotes": SETTINGS.replace('"', "'"),
    "tabs": SETTINGS.replace("    ", "\t"),
    "no blank lines": SETTINGS.replace("\n\n", "\n"),
    "more blank lines": SETTINGS.replace("\n", "\n\n\n"),
    "parentheses": SETTINGS.replace("if ", "if (").replace(
        " not in INSTALLED_APPS", " not in (INSTALLED_APPS))"
    ),
    "several lines": SETTINGS.replace("(globals())", "(\n        globals(),\n    )"),
    "an import in parentheses": SETTINGS.replace("import celery_s", "import (\n        celery_s").replace(
        "\n\n", ",\n    )\n\n"
    ),
    "blanks at the ends": SETTINGS.replace("\n", "  \n"),
}


@pytest.mark.parametrize("relaid", RELAID.values(), ids=RELAID)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("indent", ["", "    ", "\t"])
def test_our_lines_are_known_however_they_are_laid_out(relaid: str, end: str, indent: str) -> None:
    rows = ["# celeriac.django: begin. A hint.", *relaid.split("\n"), "# celeriac.django: end", "Y = 2", ""]
    block = "\n".join(indent + row if row.strip() else row for row in rows)
    head = "if A:\n    X = 1\n" if indent == "    " else "if A:\n\tX = 1\n"
    content = f"{head}{block}".replace("\n", end).encode()
    ast.parse(content)
    assert _block.put(content, SETTINGS, "A hint.", [SETTINGS], python=True) == content
    assert taken_out(content) == f"{head}{indent}Y = 2\n".replace("\n", end).encode()


EDITS = {
    "a line above": ("\nif", "\nMINE = 1\nif"),
    "a line below": ("globals())\n", "globals())\nMINE = 1\n"),
    "a comment above": ("\nif", "\n# MINE\nif"),
    "a comment inside": ("    from shop", "    # MINE\n    from shop"),
    "a comment after": ("import celery_settings", "import celery_settings  # MINE"),
    "a comment in the first column": ("    from shop", "# MINE\n    from shop"),
    "a text of several lines": ("globals())\n", "globals())\nMINE = '''\n# celery\n  '''\n"),
    "a statement in ours": ("\n\n    celery_settings.", "\n    MINE = 1\n\n    celery_settings."),
    "a statement on the same row": ("globals())", "globals()); MINE = 1"),
    "no Python": ("globals())\n", "globals())\nMINE = (\n"),
    "another call": ("apply_to(globals())", "apply_to(MINE)"),
    "an else": ("globals())\n", "globals())\nelse:\n    MINE = 1\n"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_somebody_writes_between_the_marks_is_never_lost(edit: tuple[str, str]) -> None:
    before, after = (part.encode() for part in edit)
    edited = with_block(b"X = 1\n").replace(before, after, 1)
    assert edited.count(b"MINE") == 1
    new = f"{SETTINGS}\nNEW = 1"
    for result in (
        taken_out(edited),
        _block.put(edited, SETTINGS, "A hint.", [SETTINGS], python=True),
        _block.put(edited, new, "A hint.", [SETTINGS, new], python=True),
    ):
        assert result.startswith(b"X = 1\n")
        assert not _block.unpaired_mark(result)
        again = _block.put(result, new, "A hint.", [SETTINGS, new], python=True)
        assert (result.count(b"MINE"), again.count(b"MINE")) == (1, 1)
        assert _block.put(again, new, "A hint.", [new], python=True) == again


@pytest.mark.parametrize(
    "name", [name for name in EDITS if name.startswith(("a line", "a comment", "a text"))]
)
def test_ours_goes_from_between_what_somebody_wrote(name: str) -> None:
    before, after = (part.encode() for part in EDITS[name])
    rest = taken_out(with_block(b"X = 1\n").replace(before, after, 1))
    assert b"celery_settings" not in rest
    assert b"celeriac" not in rest
    ast.parse(rest)


@hypothesis_settings(max_examples=60)
@given(settings_files(), settings_files())
def test_a_block_that_was_moved_is_renewed_there(above: bytes, below: bytes) -> None:
    moved = above + b"\n" + with_block(b"") + below
    assert _block.put(moved, SETTINGS, "A hint.", [SETTINGS], python=True) == moved
    renewed = _block.put(moved, APP, "", [SETTINGS, APP], python=True)
    assert _block.without(renewed, known=[APP], python=True, blank=0) == above + b"\n" + below


def test_lines_that_are_no_python_stand_each_alone() -> None:
    content = b"# celeriac.django: begin\n.celery/\n/mine\n.env\n# celeriac.django: end\n"
    known = [".celery/\n.env", ".celery/\n.env\nnew"]
    assert _block.put(content, known[0], known=known[:1]) == content
    assert _block.without(content, known=known[:1]) == b"/mine\n"
    renewed = _block.put(content, known[1], known=known)
    assert b"new\n" in renewed
    assert _block.without(renewed, known=known[1:]) == b"/mine\n"


def test_without_a_record_of_what_was_there_all_of_it_was_ours() -> None:
    content = b"# celeriac.django: begin\nOLD = 1\nMINE = 1\n# celeriac.django: end\n"
    assert _block.without(content) == b""
    assert b"MINE" not in _block.put(content, "NEW = 1")


B, E = b"# celeriac.django: begin. x\n", b"    # celeriac.django: end\n"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", 0),
        (B + E, 0),
        (b"X\n" + B + b"Y\n" + E, 0),
        (b"X\n" + B, 2),
        (b"X\nY\n" + E, 3),
        (E + B, 1),
        (B + B + E, 1),
        (B + E + E, 3),
        (B + E + b"\n" + B + E, 4),
        (b"# celeriac.django: beginning\n", 0),
        (b"X = '# celeriac.django: begin'\n", 0),
    ],
)
def test_a_mark_without_its_partner_is_found(content: bytes, line: int) -> None:
    assert _block.unpaired_mark(content) == line


def test_only_ascii_goes_in() -> None:
    with pytest.raises(UnicodeEncodeError):
        _block.put(b"# coding: latin-1\n", "# é")
