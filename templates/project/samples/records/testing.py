# SPDX-License-Identifier: 0BSD
"""For the tests of tasks: no broker, and objects of any model."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import time, timedelta
from typing import Any, TypeVar
from unittest import mock

from celery.app import app_or_default
from django.db import models
from django.db.models.fields import NOT_PROVIDED
from django.utils import timezone

AnyModel = TypeVar("AnyModel", bound=models.Model)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sent:
    """A task that would have gone to the broker."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any]
    #: Where the routes of the settings, or the sender, have it go.
    queue: str


@contextmanager
def sent() -> Iterator[list[Sent]]:
    """Collect the tasks that are sent, in place of a broker."""
    app = app_or_default()
    messages: list[Sent] = []

    def note(name: str, args: Any = None, kwargs: Any = None, **options: Any) -> Any:
        queue = app.amqp.router.route(dict(options), name, args, kwargs)["queue"].name
        messages.append(Sent(name, tuple(args or ()), options, queue))
        return app.AsyncResult(options.get("task_id") or str(uuid.uuid4()))

    eager = app.conf.task_always_eager
    app.conf.task_always_eager = False
    try:
        with mock.patch.object(app, "send_task", note):
            yield messages
    finally:
        app.conf.task_always_eager = eager


def make(model: type[AnyModel]) -> AnyModel:
    """Save an object that has a value wherever its model wants one."""
    values = {
        field.name: value_for(field)
        for field in model._meta.concrete_fields
        if wants_value(field)
    }
    return model._default_manager.create(**values)


def wants_value(field: Any) -> bool:
    """Tell whether a field is empty unless somebody gives it a value."""
    if field.null or field.has_default() or isinstance(field, models.AutoField):
        return False
    if getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED:
        return False
    if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False):
        return False
    if getattr(field, "generated", False):
        return False
    return not (field.remote_field and getattr(field.remote_field, "parent_link", 0))


def value_for(field: Any) -> Any:
    """Return a value that fits a field, and that no other object has."""
    number = next(_numbers)
    if field.choices:
        return field.flatchoices[0][0]
    if field.remote_field:
        return make(field.remote_field.model)
    moment = timezone.now() + timedelta(hours=number)
    by_kind: dict[type[models.Field], Any] = {
        models.EmailField: f"{number}@shop.example",
        models.URLField: f"https://shop.example/{number}",
        models.GenericIPAddressField: f"2001:db8::{number:x}",
        models.UUIDField: uuid.uuid4(),
        models.BooleanField: True,
        models.DateTimeField: moment,
        models.DateField: moment.date() + timedelta(days=number),
        models.TimeField: time(number % 24),
        models.DurationField: timedelta(hours=number),
        models.BinaryField: b"bytes",
        models.JSONField: {},
        models.IntegerField: number,
        models.DecimalField: number % 9 + 1,
        models.FloatField: float(number),
    }
    for kind, value in by_kind.items():
        if isinstance(field, kind):
            return value
    return f"t{number}"[-(field.max_length or 99) :]
