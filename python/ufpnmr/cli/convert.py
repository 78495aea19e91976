"""``ufp convert``: a potential from one format into another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ufpnmr.cli.common import output_option, say, writable
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.potential import Potential


@click.command("convert", short_help="Convert a potential: .uf3, UF3 JSON, one-interaction files.")
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_option(".uf3 or .json")
@click.option("--split", type=click.Path(file_okay=False, path_type=Path), help="Folder for one-interaction files.")
@click.option("--elements", help="What the labels in one-interaction file names mean, e.g. A=Li,B=S.")
@click.option(
    "--allow-unloadable", is_flag=True, help="Also write a .uf3 that LAMMPS's own pair_style uf3 cannot load."
)
def command(
    inputs: tuple[Path, ...],
    output: Path | None,
    force: bool,
    split: Path | None,
    elements: str | None,
    allow_unloadable: bool,
) -> int:
    """Convert INPUTS, one potential or its one-interaction files, to the format that the output's suffix names.

    Coefficients and knots keep every digit. One-interaction files (2022 to 2024) carry no elements: their names must,
    as in Li_S and P_S_S (centre first), or --elements says what the labels mean.

    \b
    Example:
      ufp convert model.json -o LPS.uf3
      ufp convert LPS.uf3 -o LPS.json
      ufp convert A_A A_B B_B A_A_A -o LiS.uf3 --elements A=Li,B=S
      ufp convert LPS.uf3 --split interactions/
    """
    from ufpnmr.potential import formats

    if (output is None) == (split is None):
        raise InputError("expected either -o FILE or --split FOLDER")
    labels = _labels(elements)
    target = writable(output, force)
    one = len(inputs) == 1 and not labels
    potential = _single(inputs[0]) if one else formats.read_interactions(inputs, labels)
    if target is not None:
        potential.write(target, force=force, allow_unloadable=allow_unloadable)
        blocks = f"{len(potential.pairs)} pair, {len(potential.triplets)} triplet blocks"
        say(f"{target}: {' '.join(potential.elements)}, {blocks}")
    if split is not None:
        _write_split(potential, split, force)
    return 0


def _write_split(potential: Potential, folder: Path, force: bool) -> None:
    from ufpnmr.potential import formats

    texts = formats.split(potential)
    for name in texts:
        writable(folder / name, force)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    kept_out = {"one-body energies": potential.one_body, "training record": potential.training}
    lost = " and ".join(name for name, value in kept_out.items() if value)
    say(f"{folder}: {len(texts)} files" + (f"; they have no place for {lost}" if lost else ""))


def _single(path: Path) -> Potential:
    """One file is a whole potential, or a one-interaction file whose name says its elements."""
    from ufpnmr.potential import Potential, formats

    if formats.is_interaction(path):
        return formats.read_interactions([path], {})
    return Potential.read(path)


def _labels(text: str | None) -> dict[str, str]:
    out = {}
    for part in (text or "").replace(",", " ").split():
        label, equals, symbol = part.partition("=")
        if not (label and equals and symbol):
            raise InputError(f"--elements: expected LABEL=ELEMENT such as A=Li,B=S, found {part!r}")
        out[label] = symbol
    return out
