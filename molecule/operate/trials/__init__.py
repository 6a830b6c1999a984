# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks for the commands of operators."""
