# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of the ticks."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """The table of the ticks."""

    initial = True
    operations = (
        migrations.CreateModel(
            name="Tick",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("sent", models.FloatField()),
                ("at", models.FloatField()),
                ("beat", models.CharField(max_length=100)),
            ],
        ),
    )
