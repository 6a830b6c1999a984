# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tasks of a shop do: a query, a mail from a template, a form, some rows, some work."""

from __future__ import annotations

import json

from celery import shared_task
from django.core import mail
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse
from orders.models import Order, OrderLine


@shared_task
def nothing() -> None:
    """Do nothing."""


@shared_task
def query() -> int:
    """Ask the database one thing."""
    return Order.objects.count()


@shared_task
def rows() -> int:
    """Make model instances of some rows."""
    return len(list(OrderLine.objects.select_related("order", "product")[:50]))


@shared_task
def letter() -> int:
    """Write a mail from a template, and send it to nobody."""
    text = render_to_string("orders/confirmation_email.txt", {"order": Order(pk=1), "lines": []})
    with mail.get_connection("django.core.mail.backends.locmem.EmailBackend") as connection:
        mail.EmailMessage(
            "Your order", text, "shop@example.org", ["a@example.org"], connection=connection
        ).send()
    return len(text)


@shared_task
def page() -> int:
    """Render a page, with its links."""
    request = RequestFactory().get(reverse("admin:index"))
    return len(render_to_string("base.html", {"request": request}))


@shared_task
def work() -> int:
    """Make and forget some thousand objects."""
    return len(json.dumps(sorted({str(number): number * 7 % 1000 for number in range(5000)}.items())))
