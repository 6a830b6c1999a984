# SPDX-License-Identifier: 0BSD
"""The promises of the tables."""

from datetime import timedelta
from unittest import mock

from django.db import transaction
from django.test import TestCase, TransactionTestCase
from django.utils import timezone

from . import outbox, tasks
from .models import Job, Outgoing
from .testing import sent


class OutboxTests(TestCase):
    def test_oldest_first_with_its_id(self) -> None:
        with transaction.atomic():
            for number in range(3):
                outbox.put(tasks.forget, number)
        ids = [str(pk) for pk in Outgoing.objects.values_list("pk", flat=True)]
        with sent() as messages:
            tasks.relay()
        self.assertEqual([m.args for m in messages], [(0,), (1,), (2,)])
        self.assertEqual([m.options["task_id"] for m in messages], ids)
        self.assertFalse(Outgoing.objects.exists())

    def test_broker_is_away(self) -> None:
        refused = mock.patch.object(outbox, "current_app")
        with self.assertLogs("django.test", "ERROR"), refused as app:
            app.send_task.side_effect = ConnectionError
            with self.captureOnCommitCallbacks(execute=True):
                outbox.put(tasks.forget)
        self.assertEqual(Outgoing.objects.count(), 1)


class OutsideTests(TransactionTestCase):
    def test_outbox_without_a_transaction(self) -> None:
        with self.assertRaises(transaction.TransactionManagementError):
            outbox.put(tasks.forget)
        self.assertFalse(Outgoing.objects.exists())

    def test_key_without_a_transaction(self) -> None:
        with self.assertRaises(transaction.TransactionManagementError):
            Job.first_time("key")


class ForgetTests(TestCase):
    def test_old_and_done(self) -> None:
        Job.objects.create(key="old", state=Job.State.DONE)
        Job.objects.create(key="given up", state=Job.State.FAILED)
        Job.objects.update(changed_at=timezone.now() - timedelta(days=31))
        Job.objects.create(key="new", state=Job.State.DONE)
        tasks.forget()
        kept = Job.objects.order_by("key").values_list("key", flat=True)
        self.assertEqual(list(kept), ["given up", "new"])
