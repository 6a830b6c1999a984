# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What breaks a pattern of the samples: each has to make a test of theirs fail."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """A text of a sample, and what somebody might make of it."""

    #: What is broken.
    name: str
    #: ``tasks`` is the app's tasks.py; others are of celery_records.
    file: str
    old: str
    new: str
    #: A test that has to fail for it.
    test: str


MUTATIONS = [
    Mutation(
        "a repetition cannot be told from the first time",
        "tasks",
        "    deliver(instance, self.request.id)\n",
        '    deliver(instance, "")\n',
        "test_object_is_read_again",
    ),
    Mutation(
        "an object that was deleted is not expected",
        "tasks",
        "    if instance is None:\n        logger.warning(",
        "    if False:\n        logger.warning(",
        "test_deleted_meanwhile",
    ),
    Mutation(
        "the log says nothing of the object",
        "tasks",
        'context = {"task_id": self.request.id, "pk": pk}',
        'context = {"task_id": self.request.id}',
        "test_deleted_meanwhile",
    ),
    Mutation(
        "a task without a time limit",
        "tasks",
        "@shared_task(bind=True, ignore_result=True, soft_time_limit=50, time_limit=60)",
        "@shared_task(bind=True, ignore_result=True)",
        "test_limits",
    ),
    Mutation(
        "a soft limit that the hard one leaves no time for",
        "tasks",
        "    soft_time_limit=50,\n",
        "    soft_time_limit=60,\n",
        "test_limits",
    ),
    Mutation(
        "sent before the commit",
        "tasks",
        "notify.delay_on_commit(instance.pk)",
        "notify.delay(instance.pk)",
        "test_sent_after_the_commit",
    ),
    Mutation(
        "sent though rolled back",
        "tasks",
        "notify.delay_on_commit(instance.pk)",
        "notify.delay(instance.pk)",
        "test_rolled_back",
    ),
    Mutation(
        "the object itself is sent",
        "tasks",
        "notify.delay_on_commit(instance.pk)",
        "notify.delay_on_commit(instance)",
        "test_sent_after_the_commit",
    ),
    Mutation(
        "sent later, but before the commit",
        "tasks",
        "notify.apply_async_on_commit(",
        "notify.apply_async(",
        "test_later",
    ),
    Mutation(
        "not later",
        "tasks",
        "args=(instance.pk,), countdown=seconds)",
        "args=(instance.pk,))",
        "test_later",
    ),
    Mutation(
        "the commit of another database",
        "tasks",
        "        instance.save(using=using)\n"
        "        transaction.on_commit(partial(notify.delay, instance.pk), using=using)",
        "        instance.save(using=using)\n"
        "        transaction.on_commit(partial(notify.delay, instance.pk))",
        "test_other_database",
    ),
    Mutation(
        "a signal sends each time an object is saved",
        "tasks",
        "if created and not raw:",
        "if not raw:",
        "test_sent_once_on_commit",
    ),
    Mutation(
        "a signal sends before the commit",
        "tasks",
        "    if created and not raw:  # raw: a fixture is loaded\n"
        "        transaction.on_commit(partial(notify.delay, instance.pk), using=using)",
        "    if created and not raw:\n        notify.delay(instance.pk)",
        "test_sent_once_on_commit",
    ),
    Mutation(
        "fixtures set off tasks",
        "tasks",
        "if created and not raw:",
        "if created:",
        "test_fixtures_send_nothing",
    ),
    Mutation(
        "no second try",
        "tasks",
        "    autoretry_for=TRANSIENT,\n",
        "",
        "test_transient_error_is_tried_again",
    ),
    Mutation(
        "retries without an end",
        "tasks",
        "    max_retries=5,\n",
        "    max_retries=None,\n",
        "test_giving_up_is_seen",
    ),
    Mutation(
        "every error is worth another try",
        "tasks",
        "TRANSIENT = (ConnectionError, TimeoutError)",
        "TRANSIENT = (Exception,)",
        "test_other_errors_are_not_tried_again",
    ),
    Mutation(
        "pauses do not grow",
        "tasks",
        "    retry_backoff=2,  # seconds, doubled each time\n",
        "",
        "test_pauses_grow_and_differ",
    ),
    Mutation(
        "all try again at the same moment",
        "tasks",
        "    retry_jitter=True,\n",
        "    retry_jitter=False,\n",
        "test_pauses_grow_and_differ",
    ),
    Mutation(
        "pauses grow without an end",
        "tasks",
        "    retry_backoff_max=600,\n",
        "    retry_backoff_max=10**6,\n",
        "test_pauses_grow_and_differ",
    ),
    Mutation(
        "an error is swallowed",
        "tasks",
        "            job.settle(Job.State.WAITING, repr(error))\n        raise\n",
        "            job.settle(Job.State.WAITING, repr(error))\n        return\n",
        "test_transient_error_is_tried_again",
    ),
    Mutation(
        "nobody sees that it was given up",
        "tasks",
        "            job.settle(Job.State.FAILED, repr(error))\n",
        "            job.settle(Job.State.WAITING, repr(error))\n",
        "test_giving_up_is_seen",
    ),
    Mutation(
        "no log says that it was given up",
        "tasks",
        '            logger.error("given up"',
        '            logger.info("given up"',
        "test_giving_up_is_seen",
    ),
    Mutation(
        "the reason is lost",
        "tasks",
        "job.settle(Job.State.FAILED, repr(error))",
        "job.settle(Job.State.FAILED)",
        "test_giving_up_is_seen",
    ),
    Mutation(
        "what was done is done again",
        "tasks",
        "    job.settle(Job.State.DONE)\n",
        "    job.settle(Job.State.WAITING)\n",
        "test_done_once",
    ),
    Mutation(
        "a key that differs each time",
        "tasks",
        'Job.claim(f"{PUSH}{pk}", self.request.id)',
        'Job.claim(f"{PUSH}{pk}{self.request.id}", self.request.id)',
        "test_done_once",
    ),
    Mutation(
        "two tasks at the same work",
        "models",
        "            if taken and job.changed_at > timezone.now() - LEASE:\n                return None\n",
        "",
        "test_another_task_is_at_it",
    ),
    Mutation(
        "a message that comes again finds its own claim in the way",
        "models",
        "taken = job.state == cls.State.RUNNING and job.owner != owner",
        "taken = job.state == cls.State.RUNNING",
        "test_worker_was_killed",
    ),
    Mutation(
        "what is done is claimed again",
        "models",
        "if job.state in (cls.State.DONE, cls.State.FAILED):",
        "if job.state == cls.State.FAILED:",
        "test_done_once",
    ),
    Mutation(
        "attempts are not counted",
        "models",
        "            job.attempts += 1\n",
        "",
        "test_transient_error_is_tried_again",
    ),
    Mutation(
        "nobody looks for what was left over",
        "models",
        "state__in=[cls.State.WAITING, cls.State.RUNNING]",
        "state__in=[cls.State.WAITING]",
        "test_beat_finds_what_was_left_over",
    ),
    Mutation(
        "work is taken from who is at it still",
        "models",
        "            changed_at__lte=timezone.now() - LEASE,\n",
        "",
        "test_beat_finds_what_was_left_over",
    ),
    Mutation(
        "booked before it is known whether that was done",
        "tasks",
        'if instance is not None and Job.first_time(f"message:{self.request.id}"):',
        "if instance is not None:",
        "test_killed_after_sending",
    ),
    Mutation(
        "booked in another transaction than its key",
        "tasks",
        '        if instance is not None and Job.first_time(f"message:{self.request.id}"):\n'
        "            book(instance)\n",
        '        first = instance is not None and Job.first_time(f"message:{self.request.id}")\n'
        "    if first:\n        book(instance)\n",
        "test_killed_in_the_task",
    ),
    Mutation(
        "a message is acknowledged before its work is done",
        "tasks",
        "    acks_late=True,  # of a worker that is killed, the message comes again\n",
        "",
        "test_killed_in_the_task",
    ),
    Mutation(
        "the message of a killed worker is dropped",
        "tasks",
        "    reject_on_worker_lost=True,\n",
        "",
        "test_killed_in_the_task",
    ),
    Mutation(
        "the outbox is written after the commit",
        "tasks",
        "        outbox.put(book_once, instance.pk)\n",
        "        transaction.on_commit(partial(outbox.put, book_once, instance.pk))\n",
        "test_killed_after_the_commit",
    ),
    Mutation(
        "no outbox at all",
        "tasks",
        "        outbox.put(book_once, instance.pk)\n",
        "        book_once.delay_on_commit(instance.pk)\n",
        "test_killed_after_the_commit",
    ),
    Mutation(
        "a row goes before its task is sent",
        "outbox",
        "        current_app.send_task(message.task, message.args, task_id=str(message.pk))\n"
        "        message.delete()\n    return True\n",
        "        key = str(message.pk)\n        message.delete()\n"
        "    current_app.send_task(message.task, message.args, task_id=key)\n    return True\n",
        "test_killed_before_sending",
    ),
    Mutation(
        "a task that is sent twice has two ids",
        "outbox",
        "message.args, task_id=str(message.pk))",
        "message.args, task_id=str(__import__('uuid').uuid4()))",
        "test_killed_after_sending",
    ),
    Mutation(
        "rows stay for ever",
        "outbox",
        "        message.delete()\n",
        "        return False\n",
        "test_sent_at_once_if_all_goes_well",
    ),
    Mutation(
        "nothing is sent before beat looks",
        "outbox",
        "    transaction.on_commit(send_now, using=using, robust=True)\n",
        "",
        "test_sent_at_once_if_all_goes_well",
    ),
    Mutation(
        "a broker that is away is the caller's problem",
        "outbox",
        "using=using, robust=True)",
        "using=using)",
        "test_broker_is_away",
    ),
    Mutation(
        "an outbox outside of a transaction",
        "outbox",
        "    if not transaction.get_connection(using).in_atomic_block:\n",
        "    if False:\n",
        "test_outbox_without_a_transaction",
    ),
    Mutation(
        "a key outside of a transaction",
        "models",
        "        if not transaction.get_connection().in_atomic_block:\n",
        "        if False:\n",
        "test_key_without_a_transaction",
    ),
    Mutation(
        "the newest goes first",
        "outbox",
        'waiting.order_by("created_at")',
        'waiting.order_by("-created_at")',
        "test_oldest_first_with_its_id",
    ),
    Mutation(
        "what was given up is forgotten",
        "records_tasks",
        "Job.objects.filter(state=Job.State.DONE, changed_at__lt=old)",
        "Job.objects.filter(changed_at__lt=old)",
        "test_old_and_done",
    ),
    Mutation(
        "a step does not get what the one before returned",
        "tasks",
        "return chain(count.s(pk), report.s())",
        "return chain(count.s(pk), report.si(0))",
        "test_in_a_row",
    ),
    Mutation(
        "only one of the steps side by side",
        "tasks",
        "return group(count.s(pk) for pk in pks)",
        "return group(count.s(pk) for pk in list(pks)[:1])",
        "test_side_by_side",
    ),
    Mutation(
        "the last step waits for none",
        "tasks",
        "parts = chord([count.s(pk) for pk in pks], add_up.s())",
        "parts = chord([count.s(pk) for pk in pks][:1], add_up.s())",
        "test_all_together",
    ),
    Mutation(
        "a failure of a step is told to nobody",
        "tasks",
        "chain(parts, report.s()).on_error(report_failure.s())",
        "chain(parts, report.s())",
        "test_failure_is_told",
    ),
    Mutation(
        "the queue is in the code, and the route has no say",
        "tasks",
        "@shared_task(ignore_result=True)\ndef export(",
        '@shared_task(ignore_result=True, queue="elsewhere")\ndef export(',
        "test_own_queue_by_route",
    ),
]
