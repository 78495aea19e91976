"""``ufp cite``: what to cite."""

from __future__ import annotations

import click


@click.command("cite", short_help="References of methods and codes.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "bibtex"]),
    default="text",
    show_default=True,
    help="Form of a reference.",
)
def command(form: str) -> int:
    """Print the papers behind a study: the method, the potential, the codes.

    \b
    Example:
      ufp cite
      ufp cite --format bibtex > ufpnmr.bib
    """
    from ufpnmr.citations import REFERENCES

    for reference in REFERENCES:
        if form == "bibtex":
            click.echo(f"% {reference.purpose}\n{reference.bibtex()}\n")
        else:
            click.echo(f"{reference.purpose}:\n  {reference.text()}")
    return 0
