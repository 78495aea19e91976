"""``ufp info``: what a potential or a trajectory holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option, trajectory_options
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.potential import Potential


@click.command("info", short_help="What a potential or a trajectory holds.")
@click.argument("path", type=click.Path(path_type=Path))
@trajectory_options
@json_option
def command(
    path: Path,
    timestep: float | None,
    log_file: Path | None,
    elements: str | None,
    topology: Path | None,
    as_json: bool,
) -> int:
    """Describe PATH.

    A potential (.uf3, UF3 JSON): blocks, cutoffs, coefficients, what happens at short range. A trajectory: format,
    frames, time axis, atoms, box.

    \b
    Example:
      ufp info LPS.uf3
      ufp info traj.lammpstrj --timestep 0.002 --elements "Li P S"
    """
    import json

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a potential or a trajectory")
    if _is_potential(path):
        from ufpnmr.potential import Potential

        facts = _potential(Potential.read(path))
    else:
        facts = _trajectory(path, timestep, log_file, elements, topology)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return 0
    for name, value in facts.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{name}:")
            for line in _table(value):
                click.echo(f"  {line}")
        elif isinstance(value, list):
            click.echo(f"{name}: {', '.join(map(str, value)) if name != 'notes' else ''}".rstrip())
            for line in value if name == "notes" else ():
                click.echo(f"  {line}")
        else:
            click.echo(f"{name}: {value}")
    return 0


def _is_potential(path: Path) -> bool:
    if path.suffix in (".uf3", ".json"):
        return True
    with open(path, "rb") as stream:
        return b"#UF3 POT" in stream.read(4096)


def _potential(potential: Potential) -> dict[str, Any]:
    import numpy as np

    pairs = []
    for pair in potential.pairs:
        first = float(pair.knots[0])
        value, slope = potential.curve(*pair.elements, [first])
        pairs.append(
            {
                "block": pair.name,
                "knots_A": f"{first:g}..{pair.knots[-1]:g}",
                "cutoff_A": pair.cutoff,
                "coefficients": int(pair.coefficients.size),
                "largest_eV": float(np.abs(pair.coefficients).max()),
                "V2_at_first_knot_eV": float(value[0]),
                "slope_eV_per_A": float(slope[0]),
            }
        )
    triplets = [
        {
            "block": triplet.name,
            "cutoffs_ij_ik_jk_A": " ".join(f"{c:g}" for c in triplet.cutoffs),
            "shape": "x".join(map(str, triplet.coefficients.shape)),
            "coefficients": int(triplet.coefficients.size),
            "largest_eV": float(np.abs(triplet.coefficients).max()),
        }
        for triplet in potential.triplets
    ]
    return {
        "potential": potential.source,
        "elements": list(potential.elements),
        "date": potential.date,
        "author": potential.author,
        "citation": potential.citation,
        "coefficients": potential.n_coefficients,
        "cutoff_A": potential.cutoff,
        "one_body_eV": dict(potential.one_body) or "none",
        "pairs": pairs,
        "triplets": triplets,
        "training": dict(potential.training) or "none",
        "notes": potential.notes,
    }


def _trajectory(
    path: Path, timestep: float | None, log_file: Path | None, elements: str | None, topology: Path | None
) -> dict[str, Any]:
    from collections import Counter

    from ufpnmr import trajectory

    names = elements.split() if elements else None
    universe = trajectory.open(path, timestep=timestep, log=log_file, elements=names, topology=topology)
    facts: dict[str, Any] = {
        "trajectory": path.name,
        "format": type(universe.trajectory).__name__,
        "frames": len(universe.trajectory),
        "atoms": len(universe.atoms),
    }
    if hasattr(universe.atoms, "elements"):
        facts["elements"] = dict(Counter(map(str, universe.atoms.elements)))
    try:
        time = trajectory.time_axis(universe)
        facts["time_ps"] = [float(time[0]), float(time[-1])]
        facts["interval_ps"] = float(time[1] - time[0]) if len(time) > 1 else "one frame"
    except InputError as error:
        facts["time_ps"] = str(error)
    cell = universe.trajectory[0].data["cell"]
    facts["cell_A"] = [[round(float(x), 6) for x in row] for row in cell]
    return facts


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    cells = [[f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    lines = [columns, *cells]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
