"""Sphinx configuration. MyST: the pages are Markdown, readable on any forge as they are."""

import importlib.metadata

project = "ufpnmr"
author = "the ufpnmr developers"
copyright = "2026, the ufpnmr developers"
release = importlib.metadata.version("ufpnmr")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_member_order = "bysource"
exclude_patterns = ["_build", "changelog.d"]
html_theme = "furo"
html_title = "ufpnmr"
# Pages name equations and files of the project, not of other sites: no network is used while building.
html_static_path = []
