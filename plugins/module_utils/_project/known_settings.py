# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings that Celery reads though its own list has them not."""

from __future__ import annotations

#: Those of result backends, and of the support for Django, without a prefix. Both the system check in the
#: checkout and the review of a project's own app add them to what ``celery.app.defaults`` lists.
UNLISTED = (
    "cassandra_secure_bundle_path",
    "db_reuse_max",
    "dynamodb_endpoint_url",
    "firestore_project",
    "gcs_threadpool_maxsize",
    "override_backends",
    "redis_backend_credential_provider",
    "redis_backend_health_check_interval",
    "redis_client_name",
    "result_backend_thread_safe",
)
