# SPDX-License-Identifier: 0BSD
"""Starts Celery as a service, `launch.py -A APP worker …`, for units and for the proof alone; and the site.

Made by the Ansible collection celeriac.django. The secrets come from systemd's credentials
(systemd.exec(5), LoadCredential=), which only this process can read, into the environment that the
project's settings read. They are in no environment that another process or `systemctl show` could see.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import json
import os
import re
import sys
from typing import Any

_LINE = re.compile(r'^([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"$', re.MULTILINE | re.DOTALL)
_FOLDER = os.path.dirname(os.path.abspath(__file__))
#: The package beside this file.
_SERVICE = "celeriac_service"


def secrets() -> dict[str, str]:
    """Return the secrets of the credential: lines as in an environment file."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return {}
    with open(os.path.join(folder, "secrets"), encoding="utf-8", newline="") as file:
        text = file.read()
    return {
        found.group(1): re.sub(r"\\(.)", r"\1", found.group(2), flags=re.DOTALL)
        for found in _LINE.finditer(text)
    }


def load_entry_files() -> None:
    """Load what the web's entry point loads before Django starts, such as .env, and as it does."""
    for loader, file, replaces in json.loads(os.environ.get("CELERY_ENTRY_FILES") or "[]"):
        module, *names = loader.split(".")
        call: Any = importlib.import_module(module)
        for name in names:
            call = getattr(call, name)
        call(file, **({"overwrite" if module == "environ" else "override": True} if replaces else {}))


def keep_packages() -> None:
    """Stay with the packages that there are now, whatever the link to them is exchanged for meanwhile."""
    place = os.path.realpath(sys.prefix)
    sys.path[:] = [
        place + path.removeprefix(sys.prefix) if path.startswith(sys.prefix + os.sep) else path
        for path in sys.path
    ]
    # In an environment of somebody else's, nothing is exchanged.
    with contextlib.suppress(OSError):
        # Held until this process and its children end: what is locked is not removed.
        holder = os.open(os.path.join(place, "pyvenv.cfg"), os.O_RDONLY)
        fcntl.flock(holder, fcntl.LOCK_SH | fcntl.LOCK_NB)


def install() -> None:
    """Let this process tell systemd what it does: neither Celery nor a project's app does."""
    from importlib.util import module_from_spec, spec_from_file_location

    # By its place: the folder on sys.path would put this file before a project's module of its name.
    spec = spec_from_file_location(_SERVICE, os.path.join(_FOLDER, _SERVICE, "__init__.py"))
    if spec is None or spec.loader is None:
        raise ImportError(f"{_FOLDER} has no package {_SERVICE}")
    service = sys.modules[_SERVICE] = module_from_spec(spec)
    spec.loader.exec_module(service)
    service.install()


def serve_site() -> None:
    """Run gunicorn with the arguments of this program. The entry point loads its files itself."""
    del sys.argv[0]
    sys.argv[0] = os.path.join(os.path.dirname(sys.executable), sys.argv[0])
    sys.modules["__main__"].__file__ = sys.argv[0]
    os.environ.update(secrets())
    from gunicorn.app.wsgiapp import run

    run()


def serve_metrics(name: str, listen: str) -> None:
    """Tell Prometheus what this host does."""
    os.environ.update(secrets())
    load_entry_files()
    install()
    importlib.import_module(f"{_SERVICE}.exporter").serve(name, listen)


def main() -> None:
    """Run Celery with the arguments of this program."""
    keep_packages()
    # As `python -m celery` does: the project's modules are found from the working directory.
    sys.path[0] = os.getcwd()
    if sys.argv[1:2] == ["gunicorn"]:
        serve_site()
        return
    if sys.argv[1:2] == ["metrics"]:
        serve_metrics(*sys.argv[2:4])
        return
    # Settings tell workers from others by these: Celery's own program has that name.
    sys.argv[0] = os.path.join(os.path.dirname(sys.executable), "celery")
    sys.modules["__main__"].__file__ = sys.argv[0]
    os.environ.update(secrets())
    load_entry_files()
    from celery import maybe_patch_concurrency

    # Before anything is imported that gevent has to patch.
    maybe_patch_concurrency()
    install()

    import celery

    # New in 5.7, for beat alone; an older one would not start.
    if celery.VERSION[:2] < (5, 7) and "--enable-remote-control" in sys.argv:
        sys.argv.remove("--enable-remote-control")
    from celery.__main__ import main as run

    run()


if __name__ == "__main__":
    main()
