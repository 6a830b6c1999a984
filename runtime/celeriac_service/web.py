# SPDX-License-Identifier: 0BSD
"""How gunicorn serves a generation of the site: its configuration, which gunicorn itself reads.

Made by the Ansible collection celeriac.django. All generations are given the socket where the site listens
(systemd.service(5), Sockets=). One that nobody has proven yet leaves it alone, and is asked on a socket of
its own. When it has answered, its name is noted as proven, and it is sent HUP: from then on it gets requests.
What was proven once gets them from its start, after a crash or a reboot.
"""

from __future__ import annotations

import gc
import json
import os
import socket
from pathlib import Path
from typing import Any

#: The first file that systemd hands over (sd_listen_fds(3)).
_SHARED = 3
_GENERATION = os.environ["CELERIAC_WEB_GENERATION"]
_PROVEN = Path(os.environ["CELERIAC_WEB_PROVEN"])
_FOLDER = Path(os.environ["RUNTIME_DIRECTORY"])

# What gunicorn would take for its own: it would accept at once.
for _name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
    os.environ.pop(_name, None)


def _own() -> str:
    """Return the socket of this generation alone. gunicorn reads this file again at HUP: it is made once."""
    known = "CELERIAC_WEB_OWN"
    if known not in os.environ:
        # gunicorn would give it to its user by chown, which the sandbox refuses.
        own = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        own.bind(str(_FOLDER / "own.sock"))
        own.listen()
        os.environ[known] = str(own.detach())
    return f"fd://{os.environ[known]}"


# --- gunicorn's settings ---

bind = _own()
errorlog = "-"
# Loaded once, before the processes are forked, which share its memory.
preload_app = os.environ.get("CELERY_SHARE_MEMORY") == "1"
# Commands come from systemd.
control_socket_disable = True
with socket.socket(fileno=os.dup(_SHARED)) as _listening:
    if _listening.family == socket.AF_UNIX:
        # Who can connect to a file of this host is the server in front, or has no more rights by the headers.
        forwarded_allow_ips = "*"


def when_ready(server: Any) -> None:
    """Take the socket of the site, if this generation was proven, before there are processes."""
    # Else gunicorn would remove the files of the sockets at its end.
    server.systemd = True
    if preload_app:
        _prepare_for_forks()
    _take(server)


def on_reload(server: Any) -> None:
    """Take the socket of the site, now that this generation is proven."""
    server.systemd = True
    _take(server)


def post_worker_init(worker: Any) -> None:
    """Say how to ask this generation, and whether it gets requests."""
    if not preload_app:
        _load_pages()
    _write("ask", json.dumps(_how_to_ask()))
    if len(worker.sockets) > 1:
        _write("serves", "")


# --- what they do ---


def _take(server: Any) -> None:
    from gunicorn import sock

    if len(server.LISTENERS) > 1 or not _is_proven():
        return
    listening = socket.socket(fileno=os.dup(_SHARED))
    kind = sock.UnixSocket if listening.family == socket.AF_UNIX else sock.TCPSocket
    if listening.family == socket.AF_INET6:
        kind = sock.TCP6Socket
    server.LISTENERS.append(kind(listening.getsockname(), server.cfg, server.log, fd=listening.detach()))


def _settings() -> Any:
    """Return Django's settings, None where the site that was loaded is without them."""
    try:
        from django.conf import settings
    except ImportError:
        return None
    return settings if settings.configured else None


def _load_pages() -> None:
    """Import what Django imports at the first request: later, the checkout may have the next code."""
    settings = _settings()
    if settings and getattr(settings, "ROOT_URLCONF", ""):
        from django.urls import get_resolver

        get_resolver().url_patterns  # noqa: B018 - reading them loads them


def _is_proven() -> bool:
    try:
        return _PROVEN.read_text(encoding="ascii").strip() == _GENERATION
    except OSError:
        return False


def _prepare_for_forks() -> None:
    """Leave to the processes what they can share, and nothing that they cannot."""
    _load_pages()
    if _settings():
        from django.db import connections

        # Opened while the site was loaded: two processes on one connection would read each other's answers.
        connections.close_all()
    gc.collect()
    # What is there now is never collected: else each process would soon have a copy of all of it.
    gc.freeze()


def _how_to_ask() -> dict[str, Any]:
    """Return the name that the site answers to, and what says that the request came by TLS."""
    settings = _settings()
    if not settings:
        return {"host": "localhost", "headers": {}}
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"]
    header = settings.SECURE_PROXY_SSL_HEADER
    headers = {header[0].removeprefix("HTTP_").replace("_", "-").title(): header[1]} if header else {}
    return {"host": names[0] if names else "localhost", "headers": headers}


def _write(name: str, text: str) -> None:
    new = _FOLDER / f"{name}.{os.getpid()}"
    new.write_text(text, encoding="utf-8")
    new.replace(_FOLDER / name)
