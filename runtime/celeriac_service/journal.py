# SPDX-License-Identifier: 0BSD
"""Log to systemd's journal, with the task's id and name as fields."""

from __future__ import annotations

import copy
import logging
import os
import socket
from typing import Any

from celery._state import get_current_task
from celery.utils.log import ColorFormatter

#: Levels of logging, and what syslog(3) calls them.
_PRIORITIES = (
    (logging.CRITICAL, "2"),
    (logging.ERROR, "3"),
    (logging.WARNING, "4"),
    (logging.INFO, "6"),
    (logging.NOTSET, "7"),
)
#: Where systemd's journal takes messages with fields.
_SOCKET = "/run/systemd/journal/socket"
#: How Celery begins each line: the journal has the time and the level itself.
_HEAD = "[%(asctime)s: %(levelname)s/%(processName)s] "
#: What beat sends each minute to show that all of it works, whatever the package is called.
_CANARY = "celery_ops.tasks.canary"


class JournalHandler(logging.Handler):
    """Write to systemd's journal, with fields, what another handler would write to stderr.

    `journalctl CELERY_TASK_ID=…` finds what a task has logged; a traceback is one entry.
    """

    def __init__(self, console: logging.StreamHandler[Any]) -> None:
        """Take the place of a handler: its level, filters and format stay."""
        super().__init__(console.level)
        self.console = console
        self.setFormatter(_without_head(console.formatter))
        self.filters = console.filters
        self.sender: socket.socket | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; one that the journal does not take goes to stderr."""
        if _is_of_canary(record):
            if not logging.getLogger(record.name).isEnabledFor(logging.DEBUG):
                return
            record = copy.copy(record)
            record.levelno = logging.DEBUG
        record = _rounded(record)
        try:
            if self.sender is None:
                self.sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.sender.connect(_SOCKET)
            self.sender.sendall(_journal_entry(record, self.format(record)))
        except OSError:
            if self.sender is not None:
                self.sender.close()
                self.sender = None
            self.console.emit(record)
        except Exception:  # noqa: BLE001 - as in logging itself
            self.handleError(record)


def _without_head(formatter: logging.Formatter | None) -> logging.Formatter | None:
    """Return the format of Celery without what the journal knows; one of the project's own is left alone."""
    known = getattr(formatter, "_fmt", None)
    if isinstance(formatter, ColorFormatter) and known and known.startswith(_HEAD):
        short: logging.Formatter = type(formatter)(known.removeprefix(_HEAD), use_color=False)
        return short
    return formatter


def _is_of_canary(record: logging.LogRecord) -> bool:
    """Tell whether Celery says that the canary was sent, has come, or is done: three lines each minute."""
    if record.levelno != logging.INFO or not record.name.startswith("celery."):
        return False
    about = [record.args.get("name")] if isinstance(record.args, dict) else record.args or ()
    return any(isinstance(part, str) and f".{part}".endswith(f".{_CANARY}") for part in about)


def _rounded(record: logging.LogRecord) -> logging.LogRecord:
    """Return a record of Celery with the seconds that a task took in three digits, and not in sixteen."""
    data = record.args
    if not (record.name.startswith("celery.") and isinstance(data, dict)):
        return record
    if not isinstance(data.get("runtime"), float):
        return record
    found = copy.copy(record)
    found.args = {**data, "runtime": f"{data['runtime']:.3f}"}
    return found


def _journal_entry(record: logging.LogRecord, text: str) -> bytes:
    """Return a record in the form that systemd's journal takes: a field on each line."""
    priority = next(p for level, p in _PRIORITIES if record.levelno >= level)
    fields = f"PRIORITY={priority}\nSYSLOG_IDENTIFIER=celery\n"
    fields += f"LOGGER={_line(record.name)}\n"
    # What Celery itself says of a task, and what is said while one runs.
    data = getattr(record, "data", None) if record.name.startswith("celery.") else None
    if isinstance(data, dict) and "id" in data:
        fields += _task(data["id"], data.get("name", ""))
    elif (task := get_current_task()) is not None and task.request.id:
        fields += _task(task.request.id, task.name)
    message = text.encode("utf-8", "replace")
    # It alone may have several lines, and comes with its size.
    size = len(message).to_bytes(8, "little")
    return fields.encode("utf-8", "replace") + b"MESSAGE\n" + size + message + b"\n"


def _task(task_id: object, name: object) -> str:
    return f"CELERY_TASK_ID={_line(task_id)}\nCELERY_TASK_NAME={_line(name)}\n"


def _line(value: object) -> str:
    return str(value).replace("\n", " ")


def log_to_journal(**kwargs: Any) -> None:
    """Put the journal into the place of each handler that writes to stderr."""
    if not os.environ.get("JOURNAL_STREAM") or not os.path.exists(_SOCKET):
        return
    known = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict)]
    for owner in [logging.root, *known]:
        for handler in list(owner.handlers):
            # Not those that are made from it: they write to files.
            if handler.__class__ is logging.StreamHandler:
                owner.removeHandler(handler)
                owner.addHandler(JournalHandler(handler))
