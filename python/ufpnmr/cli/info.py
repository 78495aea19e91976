"""``ufp info``: what a potential or a trajectory holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ufpnmr.cli.common import json_option
from ufpnmr.cli.reading import TrajectoryOptions, trajectory_options
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ufpnmr.potential import Potential


@click.command("info", short_help="What a potential or a trajectory holds.")
@click.argument("path", type=click.Path(path_type=Path))
@trajectory_options
@json_option
def command(
    path: Path,
    reading: TrajectoryOptions,
    as_json: bool,
) -> int:
    """Describe PATH.

    A potential (.uf3, UF3 JSON): blocks, cutoffs, coefficients, what happens at short range. A trajectory: format,
    frames, atoms, columns, time axis and its gaps, box, what was left out and why.

    \b
    Example:
      ufp info LPS.uf3
      ufp info traj.lammpstrj --timestep 0.002 --elements "Li P S"
      ufp info run.dump.zst --log log.lammps --topology data.lps --json
    """
    import json

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a potential or a trajectory")
    if _is_potential(path):
        from ufpnmr.potential import Potential

        facts = _potential(Potential.read(path))
    else:
        facts = _trajectory(path, reading)
    if as_json:
        click.echo(json.dumps(facts, indent=1))
        return 0
    for name, value in facts.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            click.echo(f"{name}:")
            for line in _table(value):
                click.echo(f"  {line}")
        elif isinstance(value, list):
            by_line = name in ("notes", "gaps", "warnings")
            text = "" if by_line else ", ".join(map(str, value))
            click.echo(f"{name}: {text if value else 'none'}".rstrip())
            for line in value if by_line else ():
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


def _trajectory(path: Path, reading: TrajectoryOptions) -> dict[str, Any]:
    import warnings
    from collections import Counter

    import numpy as np

    from ufpnmr import trajectory

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        universe = reading.open(path)
    reader = universe.trajectory
    facts: dict[str, Any] = {
        "trajectory": path.name,
        "format": type(reader).__name__,
        "frames": len(reader),
        "atoms": len(universe.atoms),
        "elements": dict(Counter(map(str, universe.atoms.elements))),
    }
    if hasattr(reader, "columns"):
        facts["columns"] = list(reader.columns)
    if reader.steps is not None:
        facts["steps"] = [int(reader.steps[0]), int(reader.steps[-1])]
    try:
        time = trajectory.time_axis(universe)
        facts["time_ps"] = [float(time[0]), float(time[-1])]
        facts["interval_ps"] = float(np.median(np.diff(time))) if len(time) > 1 else "one frame"
    except InputError as error:
        facts["time_ps"] = str(error)
    axis = reader.times if reader.times is not None else reader.steps
    facts["gaps"] = [] if axis is None else _gaps(axis, "ps" if reader.times is not None else "steps")
    facts["frames_left_out"] = {name: n for name, n in reader.left_out.items() if n} or "none"
    first, last = reader.box(0).cell, reader.box(len(reader) - 1).cell
    facts["cell_A"] = _rounded(first)
    facts["last_cell_A"] = "the same" if np.array_equal(first, last) else _rounded(last)
    facts["warnings"] = [str(warning.message) for warning in caught]
    return facts


def _rounded(cell: Any) -> list[list[float]]:
    return [[round(float(x), 6) for x in row] for row in cell]


def _gaps(axis: Any, unit: str) -> list[str]:
    """Name where frames follow each other otherwise than they mostly do, at most ten places."""
    import numpy as np

    steps = np.diff(axis)
    usual = float(np.median(steps)) if steps.size else 0.0
    places = np.flatnonzero(np.abs(steps - usual) > 1e-4 * usual)
    found = [f"{steps[k]:g} {unit} between frames {k} and {k + 1}" for k in places[:10].tolist()]
    return found + ([f"and {places.size - 10} more"] if places.size > 10 else [])


def _table(rows: list[dict[str, Any]]) -> list[str]:
    columns = list(rows[0])
    cells = [[f"{v:.6g}" if isinstance(v, float) else str(v) for v in row.values()] for row in rows]
    widths = [max(len(column), *(len(row[i]) for row in cells)) for i, column in enumerate(columns)]
    lines = [columns, *cells]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
