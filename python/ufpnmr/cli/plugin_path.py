"""``ufp plugin-path``: where the LAMMPS plugin is."""

from __future__ import annotations

import click


@click.command("plugin-path", short_help="Folder of the LAMMPS plugin.")
def command() -> int:
    """Print the folder that holds ufpplugin.so.

    An `lmp` started from this environment finds it by itself. Another LAMMPS of the same version does after

    \b
      export LAMMPS_PLUGIN_PATH=$(ufp plugin-path)
    """
    from ufpnmr.installation import plugin_folder

    folder = plugin_folder()
    click.echo(str(folder))
    if not (folder / "ufpplugin.so").is_file():
        click.echo("ufp: error: no ufpplugin.so there; run `ufp doctor`", err=True)
        return 1
    return 0
