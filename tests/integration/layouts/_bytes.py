# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are more than their lines: encodings, line ends, links, modes, owners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ._parts import INSTALLED_APPS, URLS, Layout, manage, own_app, package, settings, wsgi

PLAIN = settings()
ACCENTS = "# Für die Österreicher: Bestellungen über 1000 €\nGREETING = 'Grüß Gott'\n"


def kept(name: str, text: str | bytes, files: Mapping[str, str | bytes] | None = None) -> Layout:
    """Return a plain project with these settings."""
    return Layout(f"bytes_{name}", {**package(text), **(files or {})}, "shop.settings", ("shop/settings.py",))


def crlf(text: str | bytes) -> bytes:
    """Return a text with the line ends of Windows."""
    content = text.encode() if isinstance(text, str) else text
    return content.replace(b"\n", b"\r\n")


def tabs(text: str) -> str:
    """Return a text with tabs for indentation."""
    return text.replace("    ", "\t")


LAYOUTS = [
    Layout(
        "bytes_crlf",
        {
            **{name: crlf(text) for name, text in package(PLAIN, init='VERSION = "1"\n').items()},
            ".gitignore": b"*.pyc\r\n.idea/\r\n",
            ".env.example": b"SECRET_KEY=x\r\n",
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
    kept("crlf_without_newline", crlf(PLAIN).rstrip(b"\r\n")),
    kept("mixed_line_ends", crlf(PLAIN) + b"A = 1\nB = 2\n"),
    kept("bom", b"\xef\xbb\xbf" + (PLAIN + ACCENTS).encode()),
    kept("bom_and_crlf", b"\xef\xbb\xbf" + crlf(PLAIN + ACCENTS)),
    kept("tabs", tabs(PLAIN) + "if DEBUG:\n\tINTERNAL_IPS = ['127.0.0.1']\n"),
    kept(
        "latin_1",
        b"# -*- coding: latin-1 -*-\n" + (PLAIN + ACCENTS.replace("€", "EUR")).encode("latin-1"),
    ),
    kept(
        "cp1252_cookie_in_line_two",
        b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n" + (PLAIN + ACCENTS).encode("cp1252"),
    ),
    kept("utf_8", PLAIN + ACCENTS),
    kept("without_newline", PLAIN.rstrip("\n")),
    kept(
        "nothing_ends_with_newline",
        PLAIN.rstrip("\n"),
        {
            "requirements.txt": "Django>=5.2",
            ".gitignore": "*.pyc",
            ".env.example": "SECRET_KEY=x",
            "shop/__init__.py": "VERSION = 1",
        },
    ),
    kept("comment_block_at_the_end", PLAIN + "\n# vim: ts=4\n# Local Variables:\n# mode: python\n# End:\n"),
    kept("comment_at_the_end_without_newline", PLAIN + "\n\n# The end."),
    kept("blank_lines_at_the_end", PLAIN + "\n \n\t\n\n"),
    kept("spaces_at_the_end", PLAIN + "A = 1  \n    "),
    kept("indented_end", PLAIN + "if DEBUG:\n    A = 1\n    # and more\n"),
    kept("indented_end_without_newline", PLAIN + "if DEBUG:\n    if USE_TZ:\n        A = 1"),
    kept("form_feed", PLAIN.replace("MIDDLEWARE", "\f\nMIDDLEWARE")),
    kept("backslash_at_the_end", PLAIN + "A = 1 + \\\n    1\n"),
    kept("text_at_the_end", PLAIN + 'TEXT = """\n# celeriac.django: not a mark\nend"""'),
    kept("all_of_settings", PLAIN + '__all__ = ["INSTALLED_APPS", "SECRET_KEY"]\n'),
    kept("path_is_deleted", PLAIN + "del os, Path\n"),
    replace(
        kept("modes", PLAIN, {".gitignore": "*.pyc\n", ".env.example": "A=1\n"}),
        modes={
            "manage.py": 0o755,
            "requirements.txt": 0o664,
            ".gitignore": 0o640,
            ".env.example": 0o600,
            "shop": 0o750,
            "shop/settings.py": 0o600,
            "shop/__init__.py": 0o755,
        },
    ),
    replace(
        kept("strangers", PLAIN, {".gitignore": "*.pyc\n"}),
        foreign=("shop", "shop/settings.py", "shop/__init__.py", "requirements.txt", ".gitignore"),
        modes={"shop": 0o2755},
    ),
    Layout(
        "link_to_settings_in_the_checkout",
        {**package(), "deploy/settings_live.py": PLAIN, "deploy/requirements.txt": "Django\n"},
        "shop.settings",
        ("shop/settings.py",),
        links={"shop/settings.py": "../deploy/settings_live.py"},
        modes={"deploy/settings_live.py": 0o600},
    ),
    Layout(
        "link_to_requirements_and_init",
        {
            **{
                name: text
                for name, text in package(PLAIN).items()
                if name not in ("requirements.txt", "shop/__init__.py")
            },
            "deploy/requirements.txt": "Django\n",
            "deploy/init.py": "",
            "deploy/ignored": "*.pyc",
        },
        "shop.settings",
        ("shop/settings.py",),
        links={
            "requirements.txt": "deploy/requirements.txt",
            "shop/__init__.py": "../deploy/init.py",
            ".gitignore": "deploy/ignored",
        },
    ),
    Layout(
        "link_between_environments",
        {
            **package(named="shop.settings.current"),
            "shop/settings/__init__.py": "",
            "shop/settings/base.py": settings(levels=3),
            "shop/settings/production.py": "from .base import *\n",
        },
        "shop.settings.current",
        ("shop/settings/base.py",),
        links={"shop/settings/current.py": "production.py"},
    ),
    Layout(
        "link_to_the_package",
        {
            "manage.py": manage(),
            "requirements.txt": "Django\n",
            **{f"code/{n}": t for n, t in package(settings(levels=3)).items() if n.startswith("shop/")},
            **own_app(),
        },
        "shop.settings",
        ("shop/settings.py",),
        links={"shop": "code/shop"},
    ),
    Layout(
        "package_with_hashes",
        {
            **package(PLAIN),
            "requirements.txt": "django==5.2 \\\n    --hash=sha256:" + "0" * 64 + "\n",
            "shop/urls.py": URLS + "# " + INSTALLED_APPS[:3],
            "shop/wsgi.py": crlf(wsgi()),
        },
        "shop.settings",
        ("shop/settings.py",),
    ),
]
