# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions in our block of .gitignore, for files of ours that its patterns would keep out."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path, PurePosixPath

from .._discovery.files import deciding_patterns, tracked

_ABOUT = "# Patterns above would keep these out of the repository."


def with_exceptions(
    top: Path, names: Collection[str], blocks: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """Return the blocks, with exceptions in that of .gitignore for files that git would ignore.

    Args:
        top: the checkout.
        names: files that have to be in the repository, relative to it.
        blocks: ``lines`` and ``hint`` of the block by the relative path of the file.
    """
    ignore_file = next((name for name in blocks if PurePosixPath(name).name == ".gitignore"), "")
    folder = PurePosixPath(ignore_file).parent
    below = [PurePosixPath(name) for name in names]
    inside = {str(name.relative_to(folder)): str(name) for name in below if name.is_relative_to(folder)}
    if not ignore_file or not inside:
        return dict(blocks)
    asked = set(inside) | {f"{parent}/" for name in inside for parent in _parents(name)}
    patterns = deciding_patterns(
        top, [str(folder / name) + "/" * name.endswith("/") for name in sorted(asked)]
    )
    decided = dict(zip(sorted(asked), patterns, strict=True)) if patterns else {}
    known = tracked(top, inside.values()) if any(decided.values()) else frozenset()
    lines = exceptions(decided, [name for name, place in inside.items() if place not in known], list(inside))
    if not lines:
        return dict(blocks)
    block = blocks[ignore_file]
    text = "\n".join([block["lines"].rstrip("\n"), _ABOUT, *lines, ""])
    return {**blocks, ignore_file: {**block, "lines": text}}


def exceptions(decided: Mapping[str, str], new: Collection[str], names: Collection[str]) -> list[str]:
    """Return the lines that make git take files: the folders on their way first, each closed again.

    Args:
        decided: the pattern that decides for a file, or for a folder with its ``/``; empty where none does.
        new: files that are not in the repository.
        names: all files. One that has an exception keeps it.
    """
    lines: dict[str, None] = {}
    for name in sorted(names):
        way = [*(f"{parent}/" for parent in _parents(name)), name]
        patterns = {part: decided.get(part, "") for part in way}
        kept = any(pattern == _exception(part) for part, pattern in patterns.items())
        if not kept and (name not in new or not any(map(_ignores, patterns.values()))):
            continue
        opened = False
        for part, pattern in patterns.items():
            if opened or _ignores(pattern) or pattern == _exception(part):
                lines[_exception(part)] = None
                opened = part.endswith("/")
                if opened:
                    # What else is in the folder is as little in the repository as before.
                    lines[f"/{_quoted(part)}*"] = None
    return list(lines)


def told(diff: str) -> str:
    """Return what to say where a change brings exceptions, empty where it brings none."""
    if f"\n+{_ABOUT}\n" not in diff:
        return ""
    return (
        "git ignores files of the integration, by patterns of the project's .gitignore. They have to be "
        "committed: our block there has exceptions for them, and for nothing else."
    )


def has_exception(top: Path, name: str, files: Mapping[Path, bytes | None]) -> bool:
    """Tell whether a .gitignore among *files*, as they will be, has an exception for a file."""
    return any(
        _exception(str((top / name).relative_to(file.parent))).encode() in content.splitlines()
        for file, content in files.items()
        if file.name == ".gitignore" and content and (top / name).is_relative_to(file.parent)
    )


def _ignores(pattern: str) -> bool:
    return bool(pattern) and not pattern.startswith("!")


def _parents(name: str) -> list[str]:
    """Return the folders above a file, the outermost first."""
    return [str(parent) for parent in reversed(PurePosixPath(name).parents) if str(parent) != "."]


def _exception(part: str) -> str:
    return f"!/{_quoted(part)}"


def _quoted(part: str) -> str:
    return re.sub(r"([\\*?\[])", r"\\\1", part)
