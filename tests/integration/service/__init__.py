# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs inside of workers and beat, driven by hand."""
