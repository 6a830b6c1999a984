# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that cannot be imported: which package has it, and where the checkout names that."""

from __future__ import annotations

import re
from pathlib import Path

from .. import _owner as owner

#: Packages of other names than their module.
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "allauth": "django-allauth",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "dateutil": "python-dateutil",
    "debug_toolbar": "django-debug-toolbar",
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "environ": "django-environ",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "memcache": "python-memcached",
    "pkg_resources": "setuptools",
    "rest_framework": "djangorestframework",
    "storages": "django-storages",
    "yaml": "PyYAML",
}
_FILES = ("pyproject.toml", "Pipfile", "setup.cfg", "setup.py", "*requirements*.txt", "requirements/*.txt")
#: Of a file, no more is looked at.
_MOST = 1 << 20


def advice(base: Path, message: str) -> str:
    """Return what to do about ``No module named 'x'``, empty where nothing more is known than that.

    Args:
        base: the folder that the project is imported from; it is read as its owner.
        message: what Python says.
    """
    found = re.search(r"No module named '([\w.]+)'", message)
    if not found:
        return ""
    module = found.group(1).partition(".")[0]
    package = _PACKAGES.get(module, module.replace("_", "-"))
    try:
        places = owner.call(base, lambda _ask: _places(base, {module, package}))
    except (owner.OwnerError, OSError):
        places = []
    if places:
        return (
            f" {places[0]} names {package}, but not among the requirements of production that are installed: "
            f"add it there, or to celery_requirements, which takes files and packages."
        )
    if module in _PACKAGES:
        return (
            f" The module {module} is of the package {package}: add that to the project's requirement files, "
            "or name the right ones in celery_requirements."
        )
    return ""


def _places(base: Path, names: set[str]) -> list[str]:
    """Return the lines of the checkout that ask for one of some packages, as ``file:line``."""
    spelled = "|".join(re.sub(r"[-_.]", "[-_.]", name) for name in sorted(names))
    pattern = re.compile(rf"""(?i)(?:^|["'\s])(?:{spelled})(?=["'\s=<>~!\[;,@]|$)""")
    # Where manage.py is in a folder, what it needs may be named above.
    folders = [base, *([base.parent] if (base.parent / ".git").exists() else [])]
    found = []
    for folder in folders:
        for file in (file for glob in _FILES for file in sorted(folder.glob(glob)) if file.is_file()):
            text = file.read_bytes()[:_MOST].decode("utf-8", "replace")
            for number, line in enumerate(text.splitlines(), 1):
                if not line.lstrip().startswith("#") and pattern.search(line):
                    found.append(f"{file.relative_to(folders[-1])}:{number}")
    return found
