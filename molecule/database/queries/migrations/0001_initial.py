# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the notes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of the notes."""

    initial = True
    operations = (
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("text", models.CharField(max_length=100)),
            ],
        ),
    )
