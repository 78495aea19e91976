"""Labels with CASTEP."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.active.labelling.programs import FileLabeller, k_mesh, labels_of_file

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Castep", "read_castep"]


class Castep(FileLabeller):
    """Energy, forces and stress with CASTEP's on-the-fly pseudopotentials or others.

    Parameters
    ----------
    cut_off_energy : float
        eV.
    param : mapping, optional
        More lines of the .param file, e.g. ``{"spin_polarized": True}``.
    species_pot : mapping, optional
        Pseudopotential by element; CASTEP's default library where it is not given.
    kpoint_length, gamma_from : float
        Å, see `ufpnmr.active.labelling.programs.k_mesh`.
    kpoints : sequence of int, optional
        A mesh instead of the rule.
    command : str
    timeout : float
        s per structure.
    threads : int
        OMP_NUM_THREADS.

    Notes
    -----
    ``atoms.info["charge"]`` is the charge of the cell.
    """

    output_name = "label.log"
    install_hint = "install CASTEP"

    def __init__(
        self,
        cut_off_energy: float = 500.0,
        param: Mapping[str, Any] | None = None,
        species_pot: Mapping[str, str] | None = None,
        kpoint_length: float = 12.5,
        gamma_from: float = 10.5,
        kpoints: Sequence[int] | None = None,
        command: str = "castep.serial",
        timeout: float = 7200.0,
        threads: int = 1,
    ) -> None:
        super().__init__(command, timeout, threads)
        self.kpoint_length, self.gamma_from, self.kpoints = float(kpoint_length), float(gamma_from), kpoints
        self.species_pot = dict(species_pot or {})
        self.param: dict[str, Any] = {
            "xc_functional": "PBE",
            "cut_off_energy": f"{float(cut_off_energy):g} eV",
            "elec_energy_tol": "1e-8 eV",
            "max_scf_cycles": 100,
            "fix_occupancy": True,
            **{key.lower(): value for key, value in (param or {}).items()},
            "task": "SinglePoint",
            "calculate_stress": True,
        }

    def version(self) -> str:
        """Return the version that the program tells."""
        done = subprocess.run([*self.command, "--version"], capture_output=True, text=True, timeout=120, check=False)
        match = re.search(r"CASTEP version\D*([\d.]+)", done.stdout)
        return f"CASTEP {match[1]}" if match else "CASTEP, unknown version"

    def arguments(self) -> list[str]:
        """Return the arguments after the command."""
        return ["label"]

    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write ``label.cell`` and ``label.param``; see `FileLabeller`."""
        symbols = atoms.get_chemical_symbols()  # type: ignore[no-untyped-call]
        mesh = self.kpoints or k_mesh(atoms, self.kpoint_length, self.gamma_from)
        blocks = {
            "LATTICE_CART": [_vector(v) for v in atoms.cell.array],
            "POSITIONS_ABS": [f"{s} {_vector(p)}" for s, p in zip(symbols, atoms.positions, strict=True)],
        }
        if self.species_pot:
            blocks["SPECIES_POT"] = [f"{element} {name}" for element, name in self.species_pot.items()]
        text = "".join(f"%BLOCK {name}\n{chr(10).join(rows)}\n%ENDBLOCK {name}\n\n" for name, rows in blocks.items())
        text += "KPOINTS_MP_GRID : {} {} {}\nFIX_ALL_CELL : true\n".format(*mesh)
        (folder / "label.cell").write_text(text, encoding="utf-8")
        param = dict(self.param)
        if charge := float(atoms.info.get("charge", 0)):
            param["charge"] = charge
        text = "".join(f"{key} : {value}\n" for key, value in param.items())
        (folder / "label.param").write_text(text, encoding="utf-8")

    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Read ``label.castep``; see `FileLabeller`."""
        path = folder / "label.castep"
        if not path.is_file():
            raise LabelError(f"{path}: no such output; run CASTEP there")
        return read_castep(atoms, path)


def _vector(values: Any) -> str:
    return " ".join(f"{x:.12f}" for x in values)


def read_castep(atoms: Atoms, path: Path) -> Labels:
    """Read the labels of `atoms` from a .castep file; see `FileLabeller.read_output`."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if "has not reached the groundstate" in text:
        raise LabelError("castep: SCF not converged; raise max_scf_cycles (param)")
    return labels_of_file(path, atoms, "castep-castep")
