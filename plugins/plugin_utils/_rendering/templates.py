# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the collection's templates: pure text from plain data, without Ansible's templating.

The data are decisions that were made and checked before, never expressions. What needs none is no
template: a file without the suffix is copied as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2

_COLLECTION = Path(__file__).resolve().parents[3]
#: The collection's own templates, laid out as at their destination.
TEMPLATES = _COLLECTION / "templates"
#: An area with no template in it: programs that are copied.
RUNTIME = "runtime"
SUFFIX = ".j2"
#: What ends a line for systemd or Python, and what no path needs. A tab is a blank.
_CONTROL = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]")


class RenderError(Exception):
    """A template cannot be rendered. The text names the template and the line."""


def _refuse_controls(text: str) -> None:
    """Refuse what would end the line: what follows would be a directive, with root's rights."""
    if _CONTROL.search(text):
        raise RenderError(
            f"{text!r} holds a line break or another control character, and no unit file can say that. "
            "Rename the folder, or correct the variable that it comes from."
        )


def systemd_word(text: str) -> str:
    """Return a word of a unit file as it is meant: no specifiers, no variables (systemd.service(5)).

    Raises:
        RenderError: no unit file can say it.
    """
    _refuse_controls(text)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"' if not text or re.search(r"[\s\"';]", text) else escaped


def systemd_value(text: str) -> str:
    """Return a word of a setting that knows quotes and specifiers, but no variables."""
    return systemd_word(text).replace("$$", "$")


def systemd_path(text: str) -> str:
    """Return the path of a setting that takes the whole line as one, and knows specifiers only."""
    _refuse_controls(text)
    if text != text.strip() or text.endswith("\\"):
        raise RenderError(
            f"{text!r} ends (or begins) in a blank or a backslash, and a unit file would read it as another "
            "path. Rename the folder."
        )
    return text.replace("%", "%%")


class Templates:
    """Templates of the collection, each of which a folder of the user's can replace."""

    def __init__(self, area: str, overrides: Sequence[str] = ()) -> None:
        """Take the area (such as ``project``) and the folders to look in first."""
        self._own = _COLLECTION / RUNTIME if area == RUNTIME else TEMPLATES / area
        self._folders = [*(Path(folder) / area for folder in overrides), self._own]
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader(self._folders),
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701 - the output is source text, not HTML
        )

        self._jinja.filters.update(word=systemd_word, value=systemd_value, path=systemd_path)

    def names(self, below: str) -> list[str]:
        """Return the files below a folder of the area, without the suffix of templates.

        In a folder of the user's, a file more is a template: what else lies there may be anything.
        """
        templates = {
            str(file.relative_to(folder)).removesuffix(SUFFIX)
            for folder in self._folders
            for file in (folder / below).rglob(f"*{SUFFIX}")
        }
        plain = {str(file.relative_to(self._own)) for file in (self._own / below).rglob("*.py")}
        return sorted(templates | plain)

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Render a template, or return the text of a file that is none.

        Raises:
            RenderError: it is missing, malformed, or asks for a value that does not exist.
        """
        for folder in self._folders:
            if (folder / (name + SUFFIX)).is_file():
                break
            if (folder / name).is_file():
                return (folder / name).read_text(encoding="utf-8")
        try:
            return self._jinja.get_template(name + SUFFIX).render(values)
        except jinja2.TemplateNotFound as error:
            raise RenderError(f"there is no template {error.name}") from error
        except jinja2.TemplateSyntaxError as error:
            raise RenderError(f"{error.filename}:{error.lineno}: {error.message}") from error
        except RenderError as error:
            raise RenderError(f"template {name}{SUFFIX}: {error}") from error
        except jinja2.UndefinedError as error:
            raise RenderError(f"template {name}{SUFFIX}: {error.message}") from error
