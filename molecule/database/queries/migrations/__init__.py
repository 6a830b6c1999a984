# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the app queries."""
