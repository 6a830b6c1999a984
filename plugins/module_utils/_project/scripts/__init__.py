# Copyright (c) 2026 celeriac.django contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside the project: by its own interpreter, with its packages and settings.

Each file here is sent as text to the Python of the virtual environment by
:mod:`python`. It imports nothing of the collection but :mod:`common`, which is sent
along, and Django and Celery only inside functions. Its ``main`` takes and returns
plain data.
"""
