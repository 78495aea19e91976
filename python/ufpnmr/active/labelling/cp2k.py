"""PBE labels with CP2K: GPW, short-range double-zeta basis, k points.

Checked on 32 atoms of β-Li3PS4 at 700 K (rms force 0.9 eV/Å). Error of the forces: k points by this rule 0.006 eV/Å
rms, Γ alone 0.19; 400 Ry 0.003; double instead of triple zeta on P and S 0.03. Broyden mixing needs 12 steps where
orbital transformation needs 71. Four fifths of the time go into Gaussians on the grids: eps_default 1e-9 instead of
1e-12, five grids instead of four and eps_scf 1e-5 instead of 1e-6 make it 2.4 times faster (52 s instead of 127 s) and
change forces by 0.0001 eV/Å rms (0.0003 at most) and energies by 0.02 meV/atom; checked on β, γ and a glass.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ase.units import GPa

from ufpnmr.active.labelling.cp2k_files import (
    COORDINATES,
    K_POINTS,
    MULTIGRID,
    SCF,
    XC,
    Cp2kLabeller,
    cell_and_positions,
    check_input,
    energy_and_steps,
    finished,
    forces_of,
    table,
)
from ufpnmr.active.labelling.labeller import LabelError, Labels

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["CP2K"]

_ELEMENTS_BY_VALENCE = {
    1: "H",
    2: "He",
    3: "Li B Al",
    4: "Be C Si Ge Sn Pb",
    5: "N P As Sb Bi",
    6: "O S Se Te Po",
    7: "F Cl Br I At",
    8: "Ne Ar Kr Xe Rn",
    9: "Na K Rb Cs",
    10: "Mg Ca Sr Ba",
    11: "Sc Cu Y Ag Au",
    12: "Ti Zn Zr Cd Hf Hg",
    13: "V Ga Nb In Ta Tl",
    14: "Cr Mo W",
    15: "Mn Tc Re",
    16: "Fe Ru Os",
    17: "Co Rh Ir",
    18: "Ni Pd Pt",
}
VALENCE = {element: q for q, elements in _ELEMENTS_BY_VALENCE.items() for element in elements.split()}
"""Valence electrons that the basis DZVP-MOLOPT-SR-GTH is made for (CP2K's file BASIS_MOLOPT)."""

_STRESS_UNITS = {"GPa": GPa, "bar": 1e-4 * GPa}

_INPUT = f"""&GLOBAL
  PROJECT label
  RUN_TYPE ENERGY_FORCE
  PRINT_LEVEL LOW
&END GLOBAL
&FORCE_EVAL
  METHOD QS
  STRESS_TENSOR ANALYTICAL
  &DFT
    BASIS_SET_FILE_NAME BASIS_MOLOPT
    POTENTIAL_FILE_NAME POTENTIAL
    CHARGE {{charge}}
    UKS {{spin}}
{MULTIGRID}
    &QS
      EPS_DEFAULT {{eps_default}}
    &END QS
{K_POINTS}
    &SCF
{SCF}
    &END SCF
{XC}
  &END DFT
  &PRINT
    &FORCES
      FILENAME =forces.out
      NDIGITS 12
    &END FORCES
    &STRESS_TENSOR
      FILENAME =stress.out
    &END STRESS_TENSOR
  &END PRINT
  &SUBSYS
{COORDINATES}
{{kinds}}
  &END SUBSYS
&END FORCE_EVAL
"""


class CP2K(Cp2kLabeller):
    """Energy, forces and stress of a periodic cell of any shape.

    Parameters
    ----------
    basis : str
    potentials : mapping, optional
        Pseudopotential by element, e.g. ``{"Li": "GTH-PBE-q3"}``.
    spin : bool
        Spin-polarised. An odd number of electrons needs it.
    **settings
        See `ufpnmr.active.labelling.cp2k_files.Cp2kLabeller`.

    Notes
    -----
    ``atoms.info["charge"]`` is the charge of the cell in elementary charges (0 if absent): -1 for a missing Li+.
    """

    def __init__(
        self,
        basis: str = "DZVP-MOLOPT-SR-GTH",
        potentials: Mapping[str, str] | None = None,
        spin: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.basis, self.potentials, self.spin = basis, dict(potentials or {}), bool(spin)

    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write ``label.inp``; see `FileLabeller`."""
        cell, positions = cell_and_positions(atoms)
        charge = int(atoms.info.get("charge", 0))
        symbols = atoms.get_chemical_symbols()  # type: ignore[no-untyped-call]
        elements = list(dict.fromkeys(symbols))
        potentials = {element: self._potential(element) for element in elements}
        electrons = [int(match[1]) for s in symbols if (match := re.search(r"-q(\d+)$", potentials[s]))]
        if len(electrons) == len(symbols) and (sum(electrons) - charge) % 2 and not self.spin:
            raise LabelError(
                f"cp2k: {sum(electrons) - charge} electrons, an odd number; give the structure its charge "
                "(info key charge) or the option spin"
            )
        kinds = "\n".join(
            f"    &KIND {element}\n      BASIS_SET {self.basis}\n      POTENTIAL {potentials[element]}\n    &END KIND"
            for element in elements
        )
        text = _INPUT.format(
            **self.settings,
            charge=charge,
            spin="T" if self.spin else "F",
            k=self.mesh(atoms),
            kinds=kinds,
            cell="\n".join(f"      {line}" for line in cell),
            coord="\n".join(f"      {line}" for line in positions),
        )
        (folder / "label.inp").write_text(text, encoding="utf-8")

    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Read ``label.out``, ``forces.out`` and ``stress.out``; see `FileLabeller`."""
        text = finished(folder / self.output_name, self.settings["max_scf"])
        check_input(atoms, folder / "label.inp")
        energy, steps = energy_and_steps(text)
        forces = forces_of(folder, len(atoms))
        stress = table(folder / "stress.out", r"^.*\s[xyz]\s+(-?\d\S*)\s+(-?\d\S*)\s+(-?\d\S*)\s*$", 3)
        unit = re.search(r"\[(GPa|bar)\]", (folder / "stress.out").read_text(encoding="utf-8"))
        if unit is None:
            raise LabelError("cp2k: the stress is in neither GPa nor bar; this version of CP2K is not known")
        voigt = -(stress + stress.T)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] / 2 * _STRESS_UNITS[unit[1]]
        return Labels(
            energy=energy,
            forces=forces,
            stress=voigt,
            notes={
                "method": f"PBE {self.basis} GTH {self.settings['cutoff']:g} Ry",
                "kpoints": list(self.mesh(atoms)),
                "scf_steps": steps,
            },
        )

    def _potential(self, element: str) -> str:
        if element in self.potentials:
            return self.potentials[element]
        if element not in VALENCE:
            raise LabelError(f"cp2k: no pseudopotential known for {element}; name it with the option potentials")
        return f"GTH-PBE-q{VALENCE[element]}"
