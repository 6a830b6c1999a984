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
html_static_path = ["_static"]
html_css_files = ["site.css"]
# A page that nothing leads to, and a link that leads nowhere, are faults; the build runs with -W.
nitpicky = False
# What leads to the source of a page is in no landmark of the theme.
html_theme_options = {"top_of_page_buttons": []}
# Commands are copied without what they print.
copybutton_exclude = ".linenos, .gp, .go"
