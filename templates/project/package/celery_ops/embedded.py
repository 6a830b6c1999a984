# SPDX-License-Identifier: 0BSD
"""The broker that is a folder, for trying and for development: kombu's, made safe to share.

kombu's own lets a reader see what is still being written, and two processes that start
together can each lose what the other has bound.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

from .broker import folder_problem


class Channel(filesystem.Channel):
    """Messages appear whole, and one process at a time has the tables of queues."""

    #: What DEBUG was when Django was set up: tests turn it off later.
    debug_at_setup: "bool | None" = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        debug = self.debug_at_setup
        problem = folder_problem(bool(settings.DEBUG if debug is None else debug))
        if problem:
            raise ImproperlyConfigured(problem)
        super().__init__(*args, **kwargs)
        for folder in (self.data_folder_in, self.data_folder_out, self.control_folder):
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self.control_folder.mkdir(parents=True, exist_ok=True)
        with (self.control_folder / "lock").open("a") as file:
            filesystem.lock(file, filesystem.LOCK_EX)
            try:
                yield
            finally:
                filesystem.unlock(file)

    def get_table(self, exchange: str) -> Any:
        """Return what is bound to an exchange."""
        with self._alone():
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self._alone():
            super()._queue_bind(*args)

    def _delete(self, *args: Any, **kwargs: Any) -> None:
        with self._alone():
            super()._delete(*args, **kwargs)

    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # No reader looks at a name that begins with a dot.
        part = Path(self.data_folder_out, f".{name}")
        part.write_text(dumps(payload), encoding="utf-8")
        part.rename(part.with_name(name))


class Transport(filesystem.Transport):
    """The transport of ``filesystem://``."""

    Channel = Channel

    # A folder has no host, of which kombu would warn at each start.
    default_connection_params = dict.fromkeys(("hostname", "port"))


def register() -> None:
    """Take this for ``filesystem://`` in every process that loads the Celery app."""
    TRANSPORT_ALIASES["filesystem"] = f"{__name__}:Transport"
