"""PBE electric field gradients with CP2K: GAPW, all-electron centres, k points.

CP2K 2023.1 prints gradients itself, and wrongly: of the one-centre part all five components are added to one, and the
l = 2 compensation charge is not subtracted. The tensors are therefore evaluated from its density matrix
(`ufpnmr.active.labelling.density_gradient`), which agrees with PySCF in the same basis to 0.1 % (LiH).

Checked on 32 atoms of β-Li3PS4 at 700 K. Γ alone instead of the k points errs by 18 % of the tensors; the last
enlargement of lithium's basis changed them by 4 %, which is the noise of these labels; 280 against 400 Ry 0.3 %, triple
zeta with two polarisation functions on P and S 0.8 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.active.labelling.cp2k import VALENCE
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
)
from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

    from ufpnmr.active.labelling.density_gradient import Ion

__all__ = ["CP2KGradients"]

_OWN_BASIS = Path(__file__).with_name("cp2k_efg_basis.txt")
_OWN_BASES = {"Li": "Li-EFG"}
_ELECTRONS_DIFFER = 1e-4

_INPUT = f"""&GLOBAL
  PROJECT label
  RUN_TYPE {{run_type}}
  PRINT_LEVEL LOW
&END GLOBAL
&FORCE_EVAL
  METHOD QS
  &DFT
{{files}}
    POTENTIAL_FILE_NAME POTENTIAL
    CHARGE {{charge}}
{MULTIGRID}
    &QS
      METHOD GAPW
      EPS_DEFAULT {{eps_default}}
      EPS_RHO {{eps_rho}}
    &END QS
{K_POINTS}
    &SCF
{SCF}
      &PRINT
        &RESTART ON
          BACKUP_COPIES 0
          &EACH
            QS_SCF 0
          &END EACH
        &END RESTART
        &RESTART_HISTORY OFF
        &END RESTART_HISTORY
      &END PRINT
    &END SCF
{XC}
  &END DFT
  &PRINT
    &FORCES
      FILENAME =forces.out
      NDIGITS 12
    &END FORCES
  &END PRINT
  &SUBSYS
{COORDINATES}
{{kinds}}
  &END SUBSYS
&END FORCE_EVAL
"""


class CP2KGradients(Cp2kLabeller):
    """Field gradients at the all-electron atoms of a periodic cell of any shape, with energy and forces.

    Parameters
    ----------
    centres : sequence of str
        Elements whose atoms get a tensor: treated with all electrons.
    bases : mapping, optional
        File and name of the all-electron basis of a centre; shipped for Li.
    data : path
        CP2K's data folder, with BASIS_MOLOPT.
    basis : str
        Of the other elements, without the number of valence electrons.
    lebedev, radial : int
        CP2K's grid about an all-electron atom.
    eps_rho : float
        Density at which a Gaussian is cut off on CP2K's grids; see Notes.
    forces : bool
        Tensors do not need them; without them CP2K takes a seventh less time.
    **settings
        See `ufpnmr.active.labelling.cp2k_files.Cp2kLabeller`.

    Notes
    -----
    Energies belong to this level of theory; they never enter one fit with those of the labeller ``cp2k``.

    A cut at 1e-7 instead of the 1e-9 that follows from EPS_DEFAULT takes a quarter of their time off the grids, half of
    CP2K's work, and changes tensors by 3e-6 V/Å² (32 atoms of β-Li3PS4).
    """

    def __init__(
        self,
        centres: Sequence[str] = ("Li",),
        bases: Mapping[str, Sequence[str]] | None = None,
        data: str = "/usr/share/cp2k",
        basis: str = "TZVP-MOLOPT-GTH",
        lebedev: int = 50,
        radial: int = 50,
        eps_rho: float = 1e-7,
        forces: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.grid = (int(lebedev), int(radial))
        self.settings["eps_rho"] = float(eps_rho)
        self.forces = bool(forces)
        self.data, self.basis = Path(data), basis
        self.bases = {element: (_OWN_BASIS, name) for element, name in _OWN_BASES.items()}
        self.bases |= {element: (Path(file), name) for element, (file, name) in (bases or {}).items()}
        self.centres = tuple(centres)
        for element in self.centres:
            if element not in self.bases:
                raise InputError(
                    f"centres: no all-electron basis for {element}; name one: bases = {{{element} = [FILE, NAME]}}"
                )

    def ready(self) -> None:
        """Refuse to start where CP2K, its basis sets or PySCF are missing; see `Labeller`."""
        super().ready()
        try:
            import pyscf  # noqa: F401
        except ImportError:
            raise InputError("cp2k-efg: PySCF is not installed: pip install 'ufpnmr[labels]'") from None
        if not (self.data / "BASIS_MOLOPT").is_file():
            raise InputError(f"{self.data}: no BASIS_MOLOPT there; name CP2K's data folder with the option data")

    def version(self) -> str:
        """Return the versions of CP2K, which makes the density, and PySCF, which evaluates it."""
        from ufpnmr.provenance import package_version

        return f"{super().version()}, PySCF {package_version('pyscf')}"

    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write ``label.inp``; see `FileLabeller`."""
        moved = _off_the_boundary(atoms)
        cell, positions = cell_and_positions(moved)
        symbols = moved.get_chemical_symbols()  # type: ignore[no-untyped-call]
        charge = int(atoms.info.get("charge", 0))
        ions = self._ions(symbols)
        electrons = sum(ions[s].charge for s in symbols) - charge
        if electrons % 2:
            raise LabelError(f"cp2k-efg: {electrons} electrons, an odd number; give the structure its info key charge")
        files = sorted({str(self._basis_file(element)) for element in ions})
        text = _INPUT.format(
            **self.settings,
            files="\n".join(f"    BASIS_SET_FILE_NAME {file}" for file in files),
            run_type="ENERGY_FORCE" if self.forces else "ENERGY",
            charge=charge,
            k=self.mesh(moved),
            kinds="\n".join(self._kind(element, ion) for element, ion in ions.items()),
            cell="\n".join(f"      {line}" for line in cell),
            coord="\n".join(f"      {line}" for line in positions),
        )
        (folder / "label.inp").write_text(text, encoding="utf-8")

    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Evaluate the tensors from the density matrix in `folder`; see `FileLabeller`."""
        from ufpnmr.active.labelling.cp2k_density import DensityMatrix
        from ufpnmr.active.labelling.density_gradient import field_gradients

        text = finished(folder / self.output_name, self.settings["max_scf"])
        moved = _off_the_boundary(atoms)
        check_input(moved, folder / "label.inp")
        energy, steps = energy_and_steps(text)
        forces = forces_of(folder, len(atoms)) if self.forces else None
        symbols = moved.get_chemical_symbols()  # type: ignore[no-untyped-call]
        ions = self._ions(symbols)
        density = DensityMatrix.read(folder / "label-RESTART.kp")
        efg, electrons = field_gradients(moved, density, self.mesh(moved), ions)
        expected = sum(ions[s].charge for s in symbols) - int(atoms.info.get("charge", 0))
        if abs(electrons / expected - 1) > _ELECTRONS_DIFFER:
            raise LabelError(
                f"cp2k-efg: the density holds {electrons:.4f} electrons, {expected} were expected: PySCF does not read "
                "this version's density matrix as CP2K means it"
            )
        return Labels(
            energy=energy,
            forces=forces,
            efg=efg,
            notes={
                "method": f"PBE GAPW, all-electron {' '.join(self.centres)}, {self.settings['cutoff']:g} Ry",
                "kpoints": list(self.mesh(moved)),
                "scf_steps": steps,
                "electrons": round(electrons, 6),
            },
        )

    def _basis_file(self, element: str) -> Path:
        return self.bases[element][0] if element in self.centres else self.data / "BASIS_MOLOPT"

    def _ions(self, symbols: Sequence[str]) -> dict[str, Ion]:
        """Return basis and charge of each element."""
        from ase.data import atomic_numbers

        from ufpnmr.active.labelling.density_gradient import Basis, Ion

        out = {}
        for element in dict.fromkeys(symbols):
            all_electron = element in self.centres
            if not all_electron and element not in VALENCE:
                raise LabelError(f"cp2k-efg: no pseudopotential known for {element}")
            name = self.bases[element][1] if all_electron else self.basis
            basis = Basis.read(self._basis_file(element), element, name)
            out[element] = Ion(basis, atomic_numbers[element] if all_electron else VALENCE[element], all_electron)
        if not any(ion.all_electron for ion in out.values()):
            raise LabelError(f"cp2k-efg: none of {' '.join(self.centres)} in this structure")
        return out

    def _kind(self, element: str, ion: Ion) -> str:
        own = (
            f"      POTENTIAL ALL\n      LEBEDEV_GRID {self.grid[0]}\n      RADIAL_GRID {self.grid[1]}"
            if ion.all_electron
            else f"      POTENTIAL GTH-PBE-q{ion.charge}\n      GPW_TYPE T"
        )
        return f"    &KIND {element}\n      BASIS_SET {ion.basis.name}\n{own}\n    &END KIND"


def _off_the_boundary(atoms: Atoms) -> Atoms:
    """Return the same crystal moved so that no atom lies near ±1/2 of an axis.

    There CP2K's choice of an atom's nearest image, and with it the cells of the density matrix, would hang on rounding.
    """
    moved: Atoms = atoms.copy()  # type: ignore[no-untyped-call]
    fractions = atoms.get_scaled_positions(wrap=False)  # type: ignore[no-untyped-call]
    shifts = np.arange(100) / 100
    best = [shifts[np.abs((x + shifts[:, None]) % 1 - 0.5).min(1).argmax()] for x in fractions.T]
    moved.set_scaled_positions(fractions + best)  # type: ignore[no-untyped-call]
    return moved
