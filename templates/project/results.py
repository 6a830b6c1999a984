# SPDX-License-Identifier: 0BSD
"""Results in the project's database, deleted in small steps when they are old."""

from django.db import router
from django_celery_results import backends


class DatabaseBackend(backends.DatabaseBackend):
    """That of django-celery-results, which would delete all of it in one transaction."""

    #: How many rows go in one transaction: few enough that nobody waits for it.
    chunk = 500

    def cleanup(self) -> None:
        """Delete what is older than CELERY_RESULT_EXPIRES."""
        for model in (self.TaskModel, self.GroupModel) if self.expires else ():
            rows = model._default_manager.db_manager(router.db_for_write(model))
            expired = rows.get_all_expired(self.expires).order_by("date_done")
            while keys := list(expired.values_list("pk", flat=True)[: self.chunk]):
                rows.filter(pk__in=keys).delete()
