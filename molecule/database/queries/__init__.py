# SPDX-License-Identifier: GPL-3.0-or-later
"""An app whose tables are in a database of their own."""
