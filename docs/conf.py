# SPDX-License-Identifier: GPL-3.0-or-later
"""How Sphinx makes the site of the docs: `make docs`."""

from __future__ import annotations

project = "celeriac.django"
author = "celeriac.django contributors"
copyright = "2026 celeriac.django contributors"  # noqa: A001 - Sphinx calls it so

extensions = ["myst_parser", "sphinx_antsibull_ext", "sphinx_copybutton"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = project
# A page that nothing leads to, and a link that leads nowhere, are faults; the build runs with -W.
nitpicky = False
html_theme_options = {
    "source_repository": "https://github.com/celeriac/django/",
    "source_branch": "main",
    "source_directory": "docs/",
}
# Commands are copied without what they print.
copybutton_exclude = ".linenos, .gp, .go"
