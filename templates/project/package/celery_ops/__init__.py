# SPDX-License-Identifier: 0BSD
"""What operating Celery needs inside the project: readiness, a command, checks, a canary.

Made by the Ansible collection celeriac.django.
"""
