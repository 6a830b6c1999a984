# SPDX-License-Identifier: 0BSD
"""What was given up, and what waits to be sent, for people."""

from django.contrib import admin

from .models import Job, Outgoing


@admin.register(Job)
class JobAdmin(admin.ModelAdmin):
    """To try again what was given up: set it to waiting, and send its task."""

    list_display = ("key", "state", "attempts", "changed_at", "error")
    list_filter = ("state",)
    search_fields = ("key",)


@admin.register(Outgoing)
class OutgoingAdmin(admin.ModelAdmin):
    """Empty, as a rule."""

    list_display = ("task", "args", "created_at")
