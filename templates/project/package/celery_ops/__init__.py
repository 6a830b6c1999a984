# SPDX-License-Identifier: 0BSD
"""What every process needs for Celery, made by the Ansible collection celeriac.django."""
