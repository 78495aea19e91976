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
suppress_warnings = ["ref.python"]  # types are named shortly in docstrings; some names occur in two modules
html_theme = "furo"
html_title = "ufpnmr"
# Pages name equations and files of the project, not of other sites: no network is used while building.
html_static_path = []


def escape_bars(app, what, name, obj, options, lines):
    """Keep |x| of the docstrings an absolute value, where reStructuredText sees a substitution."""
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("\\|", "|").replace("|", "\\|") for part in parts[::2]]
        lines[number] = "``".join(parts)


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", escape_bars)
