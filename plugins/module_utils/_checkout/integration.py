# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the integration changes in a checkout: the contents before and after, computed first.

Two kinds of change exist: files that are ours as a whole, and a marked block
in a file of the project's. The record of both is a file of its own in the
checkout, so that whoever has a clone can renew or remove the integration.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from . import block as _block
from . import python_text
from .tree import TreeError, checked_name

#: Reads a file of the checkout: absolute path to content, None where there is none.
Reader = Callable[[Path], "bytes | None"]

#: The record of what was made, relative to the project's package.
RECORD_PATH = "celery_ops/integration.json"


class IntegrationError(Exception):
    """The checkout holds something that is in the way. The text says what and what to do."""


@dataclass
class Record:
    """What the integration made; paths are relative to the checkout."""

    #: Files of ours, with the :func:`digest` of what was written.
    made: dict[str, str] = field(default_factory=dict)
    #: Files that hold a block of ours: its ``lines``, and what else was done to the file.
    edited: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The deployment's name: a clone in another folder keeps it. Empty in older records.
    name: str = ""

    @classmethod
    def parse(cls, content: bytes | None) -> Record:
        """Read a record; an absent one is empty.

        Raises:
            IntegrationError: it is damaged, as by a merge.
        """
        if content is None:
            return cls()
        try:
            data: dict[str, Any] = json.loads(content)
            record = cls(dict(data["made"]), dict(data["edited"]), str(data.get("name", "")))
            record.check()
        except (ValueError, KeyError, TypeError, TreeError) as error:
            raise IntegrationError(
                f"The record of the integration, {RECORD_PATH}, is damaged ({error}). "
                "Restore it from version control, then run again."
            ) from None
        return record

    def check(self) -> None:
        """See that this is what a record says: whoever can commit may have written it.

        Raises:
            TypeError, ValueError: it has values of another kind.
            TreeError: it names what is no file of the checkout.
        """
        for name in (*self.made, *self.edited):
            checked_name(name)
        kinds = {"created": bool, "newline_added": bool, "blank_lines": int, "lines": str}
        for name, how in self.edited.items():
            if not isinstance(how, dict) or not all(
                isinstance(how[key], kind) for key, kind in kinds.items() if key in how
            ):
                raise ValueError(f"the entry of {name} is none")
        if not re.fullmatch(r"[A-Za-z0-9_-]*", self.name):
            raise ValueError(f"{self.name!r} is no name of a deployment")
        if not all(isinstance(known, str) for known in self.made.values()):
            raise ValueError("a digest is none")

    def dump(self) -> bytes:
        """Write a record, the same bytes for the same content, with a line for each file."""
        data: dict[str, str | Mapping[str, Any]] = {
            "about": "What celeriac.django made here. It needs this to renew it and to take it out.",
            **({"name": self.name} if self.name else {}),
            "made": self.made,
            "edited": self.edited,
        }
        parts = (f"  {json.dumps(key)}: {_lines_of(value)}" for key, value in data.items())
        return ("{\n" + ",\n".join(parts) + "\n}\n").encode()


def _lines_of(value: str | Mapping[str, Any]) -> str:
    if isinstance(value, str) or not value:
        return json.dumps(value)
    lines = (f"    {json.dumps(key)}: {json.dumps(value[key])}" for key in sorted(value))
    return "{\n" + ",\n".join(lines) + "\n  }"


@dataclass
class Change:
    """The files of a change, before and after; None stands for no file."""

    before: dict[Path, bytes | None] = field(default_factory=dict)
    after: dict[Path, bytes | None] = field(default_factory=dict)
    #: Files that somebody edited since, and what to know about each.
    kept: dict[str, str] = field(default_factory=dict)

    def keep(self, top: Path, name: str, why: str, present: bytes, wanted: bytes | None) -> None:
        """Note that a file stays as somebody edited it, with what would change it to ours."""
        if wanted is None:
            self.kept[name] = why
            return
        difference = Change({top / name: present}, {top / name: wanted})
        self.kept[name] = f"{why}. What this run would have written:\n{unified_diff(top, difference)}"

    def changed(self) -> dict[Path, bytes | None]:
        """Return what has to be written."""
        return {path: new for path, new in self.after.items() if self.before.get(path) != new}


def digest(name: str, content: bytes) -> str:
    """Return the SHA-256 of what a file says: black and ruff may lay out Python as they like."""
    meaning = python_text.digest(content) if name.endswith(".py") else ""
    return meaning or hashlib.sha256(content).hexdigest()


def is_as_made(name: str, content: bytes, known: str) -> bool:
    """Tell whether a file still says what was written, by the digest that was noted."""
    return known in (digest(name, content), hashlib.sha256(content).hexdigest())


def integrate(  # noqa: PLR0913, PLR0917 - each says another thing about the files
    top: Path,
    record_path: str,
    files: Mapping[str, str],
    blocks: Mapping[str, Mapping[str, str]],
    read: Reader,
    overwrite: bool = False,
    samples: Collection[Collection[str]] = (),
    deployment: str = "",
) -> Change:
    """Compute what it takes to have *files* and *blocks* in the checkout.

    Args:
        top: the checkout.
        record_path: the record of the integration, relative to *top*.
        files: files of ours, relative path to text.
        blocks: ``lines`` and ``hint`` of the block by the relative path of the file.
        read: gives a file's content.
        overwrite: write files of ours even where somebody edited them.
        samples: names among *files* that belong together; of these, all are the project's as soon as
            somebody has edited or deleted one.
        deployment: the deployment's name, which the record keeps.

    Raises:
        IntegrationError: a file of that name exists already and is not ours.
    """
    change = Change()
    old = Record.parse(read(top / record_path))
    new = Record(name=deployment)
    theirs = _taken_over(top, old, samples, read)
    for name, text in files.items():
        path, content = top / name, text.encode()
        present = read(path)
        change.before[path] = present
        if name in theirs:
            change.after[path] = present
            new.made[name] = old.made.get(name, digest(name, content))
            continue
        if present is not None and name not in old.made and present != content:
            raise IntegrationError(
                f"{path} exists already, and it is not made by celeriac.django. Move it away, or "
                "set celery_project_integrate to never to keep your own integration."
            )
        if present is not None and name in old.made and not is_as_made(name, present, old.made[name]):
            if present != content and not overwrite:
                change.after[path] = present
                change.keep(top, name, "edited since it was made, and left alone", present, content)
                new.made[name] = old.made[name]
                continue
        elif present is not None and digest(name, present) == digest(name, content):
            content = present
        change.after[path] = content
        new.made[name] = digest(name, text.encode())
    for name, block in blocks.items():
        path = top / name
        present = read(path)
        if line := _block.unpaired_mark(present or b""):
            raise IntegrationError(_unpaired(path, line))
        change.before[path] = present
        how = old.edited.get(name, {})
        python, known = name.endswith(".py"), _known(how, block["lines"])
        change.after[path] = _block.put(present or b"", block["lines"], block.get("hint", ""), known, python)
        if present is None or not _block.has_block(present):
            noted = {
                "created": present is None,
                "newline_added": _block.lacks_newline(present or b""),
                "blank_lines": _block.blank_lines(present or b"", python),
            }
            # What is as usual needs no word.
            how = {key: value for key, value in noted.items() if value and (key, value) != ("blank_lines", 1)}
        new.edited[name] = {**how, "lines": block["lines"]}
    gone = Record(
        made={name: value for name, value in old.made.items() if name not in new.made},
        edited={name: value for name, value in old.edited.items() if name not in new.edited},
    )
    _refuse_stranded(top, gone, files, change)
    _take_out(top, gone, read, change)
    change.before[top / record_path] = read(top / record_path)
    change.after[top / record_path] = new.dump()
    return change


def _refuse_stranded(top: Path, gone: Record, files: Mapping[str, str], change: Change) -> None:
    """Refuse to take a file away that an edited one, which stays as it is, imports.

    Raises:
        IntegrationError: there is such a file. The text has the difference that would mend it.
    """
    for name in (name for name in change.kept if name.endswith(".py") and name in files):
        present = change.after[top / name] or b""
        imported = _imported(PurePosixPath(name), present)
        missed = sorted(
            place
            for place in gone.made
            if place.removesuffix("/__init__.py").removesuffix(".py") in imported and place not in files
        )
        if missed:
            difference = Change({top / name: present}, {top / name: files[name].encode()})
            raise IntegrationError(
                f"{name} was edited, and imports {', '.join(missed)}, which this version has no more. "
                "Change it as follows, as far as your own lines allow, then run again; "
                f"celery_project_overwrite: true writes it anew instead.\n{unified_diff(top, difference)}"
            )


def _imported(file: PurePosixPath, content: bytes) -> set[str]:
    """Return what a file may import from its own package, as paths without suffix."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):
        return set()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            place = file.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            found |= {str(place), *(str(place / alias.name) for alias in node.names)}
    return found


def _taken_over(
    top: Path, record: Record, samples: Collection[Collection[str]], read: Reader
) -> frozenset[str]:
    """Return the files of the samples that are the project's by now."""

    def changed(name: str) -> bool:
        content = read(top / name)
        return name in record.made and (content is None or not is_as_made(name, content, record.made[name]))

    return frozenset(name for together in samples if any(map(changed, together)) for name in together)


def remove(top: Path, record_path: str, read: Reader) -> Change:
    """Compute what it takes to have nothing of ours in the checkout any more."""
    change = Change()
    content = read(top / record_path)
    if content is None:
        return change
    _take_out(top, Record.parse(content), read, change)
    change.before[top / record_path] = content
    change.after[top / record_path] = None
    return change


def _known(how: Mapping[str, Any], wanted: str | None = None) -> list[str]:
    """Return what stood in a block by our doing; without a record of it, all of it did."""
    if "lines" not in how:
        return []
    return [how["lines"], *([wanted] if wanted is not None else [])]


def _unpaired(path: Path, line: int) -> str:
    return (
        f"{path}:{line}: the marks of celeriac.django are not one pair, so what stands between them cannot "
        "be told from the project's own lines. Restore the line that was deleted, or delete the block "
        "with both marks, then run again."
    )


def _take_out(top: Path, record: Record, read: Reader, change: Change) -> None:
    for name, known in record.made.items():
        path = top / name
        present = read(path)
        if present is None:
            continue
        change.before[path] = present
        if is_as_made(name, present, known):
            change.after[path] = None
        else:
            change.after[path] = present
            change.keep(top, name, "edited since it was made, and left in place", present, None)
    for name, how in record.edited.items():
        path = top / name
        present = read(path)
        if present is None:
            continue
        change.before[path] = present
        if line := _block.unpaired_mark(present):
            change.after[path] = present
            change.keep(top, name, f"left as it is: {_unpaired(path, line)}", present, None)
            continue
        rest = _block.without(
            present,
            how.get("newline_added", False),
            _known(how),
            name.endswith(".py"),
            how.get("blank_lines", 1),
        )
        # Its last line may have been continued into nothing, as it was before us.
        if name.endswith(".py") and _parses(present) and not _parses(rest + b"\n\n"):
            change.after[path] = present
            change.keep(
                top, name, "left as it is: the block is all that an indented part holds", present, None
            )
            continue
        change.after[path] = None if how.get("created") and not rest.strip() else rest


def _parses(content: bytes) -> bool:
    try:
        ast.parse(content)
    except (SyntaxError, ValueError):
        return False
    return True


def unified_diff(top: Path, change: Change) -> str:
    """Return the change as a patch for ``git apply``, one unified diff for each file."""
    texts: list[str] = []
    for path, after in sorted(change.changed().items()):
        before = change.before.get(path)
        name = path.relative_to(top)
        texts.append(f"diff --git a/{name} b/{name}\n")
        if before is None or after is None:
            # An empty file has no lines that would show that it comes or goes.
            texts.append(f"{'new' if before is None else 'deleted'} file mode 100644\n")
        lines = difflib.unified_diff(
            _lines(before),
            _lines(after),
            fromfile=f"a/{name}" if before is not None else "/dev/null",
            tofile=f"b/{name}" if after is not None else "/dev/null",
        )
        texts.extend(
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
        )
    return "".join(texts)


def _lines(content: bytes | None) -> list[str]:
    # Not splitlines(): a patch knows no line end but this one.
    return re.findall(r"[^\n]*\n|[^\n]+", (content or b"").decode("utf-8", "replace"))
