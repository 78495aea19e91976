"""Labels with Quantum ESPRESSO's pw.x."""

from __future__ import annotations

import copy
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.active.labelling.programs import FileLabeller, k_mesh, labels_of_file
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Espresso", "read_espresso"]


class Espresso(FileLabeller):
    """Energy, forces and stress by plane waves and the pseudopotentials named.

    Parameters
    ----------
    pseudopotentials : mapping
        UPF file by element. They decide functional and energy zero: one set for one fit.
    pseudo_dir : path
        Folder that holds them.
    ecutwfc, ecutrho : float
        Ry; `ecutrho` is pw.x's default (4 ecutwfc, right for norm-conserving ones only) where it is not given.
    input_data : mapping, optional
        More of pw.x's input, by namelist: ``{"system": {"occupations": "smearing", "degauss": 0.01}}``.
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
    ``atoms.info["charge"]`` is the charge of the cell (tot_charge).
    """

    output_name = "label.pwo"
    install_hint = "install Quantum ESPRESSO (Debian: quantum-espresso)"

    def __init__(
        self,
        pseudopotentials: Mapping[str, str],
        pseudo_dir: str,
        ecutwfc: float = 60.0,
        ecutrho: float | None = None,
        input_data: Mapping[str, Mapping[str, Any]] | None = None,
        kpoint_length: float = 12.5,
        gamma_from: float = 10.5,
        kpoints: Sequence[int] | None = None,
        command: str = "pw.x",
        timeout: float = 7200.0,
        threads: int = 1,
    ) -> None:
        super().__init__(command, timeout, threads)
        self.pseudopotentials = dict(pseudopotentials)
        self.pseudo_dir = Path(pseudo_dir).expanduser().resolve()
        self.kpoint_length, self.gamma_from, self.kpoints = float(kpoint_length), float(gamma_from), kpoints
        cutoffs = {"ecutwfc": float(ecutwfc), **({} if ecutrho is None else {"ecutrho": float(ecutrho)})}
        data: dict[str, dict[str, Any]] = {"control": {}, "system": cutoffs, "electrons": {"conv_thr": 1e-8}}
        for section, values in (input_data or {}).items():
            data.setdefault(section.lower(), {}).update(values)
        data["control"].update(
            calculation="scf", prefix="label", outdir=".", tprnfor=True, tstress=True, pseudo_dir=str(self.pseudo_dir)
        )
        self.input_data = data

    def ready(self) -> None:
        """Refuse to start where pw.x or a pseudopotential is missing; see `Labeller`."""
        super().ready()
        for element, name in self.pseudopotentials.items():
            if not (self.pseudo_dir / name).is_file():
                raise InputError(f"{self.pseudo_dir / name}: no such pseudopotential (of {element})")

    def version(self) -> str:
        """Return the version that pw.x prints first."""
        with tempfile.TemporaryDirectory() as folder:  # pw.x leaves CRASH and input_tmp.in where it is started
            done = subprocess.run(
                self.command, input="", cwd=folder, capture_output=True, text=True, timeout=120, check=False
            )
        match = re.search(r"PWSCF v\.(\S+)", done.stdout)
        return f"Quantum ESPRESSO {match[1]}" if match else "Quantum ESPRESSO, unknown version"

    def arguments(self) -> list[str]:
        """Return the arguments after the command."""
        return ["-in", "label.pwi"]

    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write ``label.pwi``; see `FileLabeller`."""
        from ase.io import write

        missing = sorted(set(atoms.get_chemical_symbols()) - set(self.pseudopotentials))  # type: ignore[no-untyped-call]
        if missing:
            raise LabelError(f"espresso: no pseudopotential named for {', '.join(missing)} (option pseudopotentials)")
        data = copy.deepcopy(self.input_data)
        if charge := float(atoms.info.get("charge", 0)):
            data["system"]["tot_charge"] = charge
        write(
            folder / "label.pwi",
            atoms,
            format="espresso-in",
            input_data=data,
            pseudopotentials=self.pseudopotentials,
            kpts=tuple(self.kpoints or k_mesh(atoms, self.kpoint_length, self.gamma_from)),
        )

    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Read ``label.pwo``; see `FileLabeller`."""
        if not (folder / self.output_name).is_file():
            raise LabelError(f"{folder / self.output_name}: no such output; run pw.x there")
        labels = read_espresso(atoms, folder / self.output_name)
        labels.notes["kpoints"] = list(self.kpoints or k_mesh(atoms, self.kpoint_length, self.gamma_from))
        return labels


def read_espresso(atoms: Atoms, path: Path) -> Labels:
    """Read the labels of `atoms` from what pw.x printed; see `FileLabeller.read_output`."""
    text = path.read_text(encoding="utf-8", errors="replace")
    if "convergence NOT achieved" in text:
        raise LabelError("espresso: SCF not converged; raise electron_maxstep or lower mixing_beta (input_data)")
    if "convergence has been achieved" not in text or "JOB DONE" not in text:
        raise LabelError(f"{path}: not complete; pw.x did not end")
    return labels_of_file(path, atoms, "espresso-out")
