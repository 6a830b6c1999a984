# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a text says counts, and how a formatter has laid it out does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.celeriac.django.plugins.module_utils._checkout import python_text

TEXT = '''\
"""A module.

With two paragraphs.
"""

import os
import sys  # for its path
from typing import (
    Any,
    Optional,
)

#: A constant.
SOME = {"a": 1, "b": [1, 2.5, None, True, ...], **{}}


@decorated(by="x")
class Thing(Base, metaclass=Meta):
    """A thing."""

    name: str = f"{SOME['a']!r:>{WIDTH}} and {os.sep}"

    def run(self, *args: Any, key: Optional[int] = None, **kwargs: Any) -> None:
        """Run it.

        Such as:
            This is indented.
        """
        if (n := len(args)) > 1 and not kwargs:  # a walrus
            raise ValueError(rb"\\\\x", "it's " "joined", -n) from None
        return [x for x in args if x] or (lambda y, /, z=1: y[1:, ::2])
'''


def digest(text: str) -> str:
    """Returns the digest of a text, which has to be there."""
    found = python_text.digest(text.encode())
    assert len(found) == 64
    return found


LAID_OUT = {
    "single quotes": ('{"a": 1, "b"', "{'a': 1, 'b'"),
    "blank lines": ("#: A constant.\n", "\n\n#: A constant.\n\n"),
    "a comment further away": ("import sys  # for its path", "import sys      # for its path"),
    "a comment without its blank": ("# a walrus", "#a walrus"),
    "a sum of lines": ("[1, 2.5, None, True, ...]", "[\n    1,\n    2.5,\n    None,\n    True,\n    ...,\n]"),
    "imports on one line": ("(\n    Any,\n    Optional,\n)", "Any, Optional"),
    "imported names in another order": ("    Any,\n    Optional,\n", "    Optional,\n    Any,\n"),
    "a line for each imported name": (
        "from typing import (\n    Any,\n    Optional,\n)",
        "from typing import Any\nfrom typing import Optional",
    ),
    "imports in another order": (
        "import os\nimport sys  # for its path\n",
        "import sys  # for its path\n\nimport os\n",
    ),
    "another docstring's indentation": (
        '"""Run it.\n\n        Such as:\n            This is indented.\n        """',
        '"""  Run it.  \n\n  Such as:\n      This is indented.\n  """',
    ),
    "parentheses": ("if (n := len(args)) > 1 and not kwargs:", "if ((n := len(args)) > 1) and (not kwargs):"),
    "parentheses around a type": (") -> None:\n", ") -> (None):\n"),
    "upper case in a prefix": ('rb"', 'Rb"'),
    "CRLF": ("\n", "\r\n"),
    "a tab": ("return [x", "return\t[x"),
    "a newline more at the end": ("::2])\n", "::2])\n\n\n"),
    "no newline at the end": ("::2])\n", "::2])"),
}


@pytest.mark.parametrize("change", LAID_OUT.values(), ids=LAID_OUT)
def test_another_layout_says_the_same(change: tuple[str, str]) -> None:
    before, after = change
    assert before in TEXT
    assert digest(TEXT.replace(before, after)) == digest(TEXT)


EDITS = {
    "a string": ('"x"', '"y"'),
    "a blank in a string": ('"it\'s "', '"it\'s  "'),
    "a number": ("2.5", "2.6"),
    "another kind of number": ("[1,", "[1.0,"),
    "a truth for a number": ("[1,", "[True,"),
    "bytes for a text": ('rb"', 'r"'),
    "a name": ("self, *args", "this, *args"),
    "a comment": ("# a walrus", "# an operator"),
    "a comment more": ("# a walrus", "# a walrus\n        # and more"),
    "a comment less": ("  # a walrus", ""),
    "the remark of a constant": ("#: A constant.", "#: The constant."),
    "the docstring of the module": ("two paragraphs", "2 paragraphs"),
    "the docstring of a function": ("Run it.", "Run them."),
    "the indentation inside of a docstring": ("            This is", "        This is"),
    "a docstring less": ('    """A thing."""\n\n', ""),
    "an import less": ("import os\n", ""),
    "an import more": ("import os\n", "import os\nimport re\n"),
    "another name for an import": ("import os\n", "import os as o\n"),
    "a relative import": ("from typing", "from .typing"),
    "a decorator less": ('@decorated(by="x")\n', ""),
    "an operator": ("> 1 and", "> 1 or"),
    "a comparison": ("> 1", ">= 1"),
    "a sign": (", -n)", ", +n)"),
    "a default": ("= None, **kwargs", "= 0, **kwargs"),
    "a default more": ("lambda y, /, z=1", "lambda y=1, /, z=1"),
    "an annotation": ("Optional[int]", "int"),
    "a return type": (") -> None:", ") -> int:"),
    "the bounds of a slice": ("y[1:, ::2]", "y[:1, ::2]"),
    "a conversion in an f-string": ("!r:>", "!s:>"),
    "a format in an f-string": (":>{WIDTH}", ":<{WIDTH}"),
    "a star": ("*args: Any", "args: Any"),
    "where a dictionary is unpacked": ("1, 2.5, None, True, ...], **{}", "1, 2.5, None, True, ...], 1: {}"),
    "what an error comes from": (" from None", ""),
    "a statement inside of another one": ("        return [", "        yield ["),
}


@pytest.mark.parametrize("change", EDITS.values(), ids=EDITS)
def test_an_edit_is_seen(change: tuple[str, str]) -> None:
    before, after = change
    assert before in TEXT
    edited = TEXT.replace(before, after, 1)
    compile(edited, "edited.py", "exec")
    assert digest(edited) != digest(TEXT)


def test_a_statement_over_which_an_import_moves_keeps_its_order() -> None:
    assert digest("import a\nX = 1\nimport b\n") != digest("import b\nX = 1\nimport a\n")


def test_an_empty_file_says_something() -> None:
    assert digest("") == digest("\n\n")
    assert digest("") != digest("# x\n")


@pytest.mark.parametrize("content", [b"A = (", b"A = 1\0", b"\xff", b"  A = 1\n B = 2\n", b"'''"])
def test_what_is_no_python_has_no_digest(content: bytes) -> None:
    assert python_text.digest(content) == ""


@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_have_a_digest_or_none(content: bytes) -> None:
    assert len(python_text.digest(content)) in (0, 64)


def test_statements_have_their_lines() -> None:
    found = python_text.statements("A = 1\n\n@x\n@y\ndef f():\n    pass\nB = (\n    2\n); C = 3\n")
    assert [(statement.first, statement.last) for statement in found] == [(1, 1), (3, 6), (7, 9), (9, 9)]


def test_comments_come_in_their_order_without_the_marks() -> None:
    assert python_text.comments("#! x\nA = '# no'  #  one\n    # two\n#\n") == ["! x", "one", "two", ""]


def interpreters() -> list[Path]:
    """Returns the Pythons of this clone other than the one that runs this."""
    clone = Path(__file__).resolve().parents[4]
    pythons = [clone / name / "bin/python" for name in (".venv", ".venv-other")]
    return [python for python in pythons if python.exists() and python.parent.parent != Path(sys.prefix)]


ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
import python_text
print(json.dumps([python_text.digest(text.encode()) for text in json.load(sys.stdin)]))
"""
OTHERS = [
    "f'{a}' 'b' f'{c:{d}.{e}f}' f'{{}}{g=}'",
    "f'{a!r}{\"x\"}' rf'\\d{n}'",
    "try: ...\nexcept* E: ...",
    "match a:\n    case {'x': [1, *_], **rest} if rest: ...\n    case C(y=1) | None: ...",
    "async def f() -> None:\n    async for x in y: await x",
    "x = 1_000 + 0xFF + 1e3 + 2j; y = 'é\\n' b'\\x00' if False else u'u'",
]


@pytest.mark.skipif(not interpreters(), reason="there is no other Python in this clone")
def test_every_python_gives_the_same_digest() -> None:
    """A checkout is integrated from one host, and looked at from another one."""
    texts = [TEXT, *OTHERS]
    folder = str(Path(python_text.__file__).parent)
    for python in interpreters():
        done = subprocess.run(
            [python, "-I", "-c", ASK, folder],
            input=json.dumps(texts),
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout) == [python_text.digest(text.encode()) for text in texts]
