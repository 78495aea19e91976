"""Pack PBE labels: one file, every structure once, each with the run it comes from.

    python pack.py pbe.extxyz.xz pbe.extxyz active-lps/cycle-*/labelled.extxyz -o pbe.extxyz.xz

Structures are known by `uid`; the first of a uid stays, and of equal structures (paths that share an end). `group`
names the run, so that frames of one run are withheld or trained on together. Frames of the CHGNet dynamics carry none:
their runs are those of one phase and temperature, the melts they were quenched from are told apart by their density.

`config_type` is "melt" for all that came from the two CHGNet melts (2000 K, PS4 dissociated, quenched so), and "broken"
for any other structure in which a P has not four S within 2.6 Å, or two P or two S are closer than 2.6 Å (in PS4
crystals 3.0 Å and more): there dynamics with an early potential had left the material.

Energies of charged cells (vacancies, interstitials; 32 ± 1 atoms of β) are raised by CHARGED_ZERO per squared charge,
for which `charged_zero.py` finds 0.22 to 0.29 eV, by splines, weights and labels; `charge_correction` says by how much.
"""

import argparse
import lzma
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read
from ase.neighborlist import neighbor_list

from ufpnmr.structures.labelled import extxyz_text
from ufpnmr.structures.matching import duplicates

MELTS = ("liquid", "quench", "amorphous", "melt")
BOND = 2.6  # Å
CHARGED_ZERO = 0.25  # eV
SAME = 1e-3  # Å


def run_of(atoms: Atoms) -> str:
    """Return the group of a structure, from what its comment line says."""
    info = atoms.info
    if "group" in info:
        return str(info["group"])
    if not str(info["uid"]).startswith("chgnet-md-"):
        raise SystemExit(f"{info['uid']}: expected a group")
    if info["config_type"] in MELTS:
        return f"chgnet-melt-{atoms.get_masses().sum() / atoms.get_volume() * 1.66053907:.2f}"
    return f"chgnet-{info['config_type']}-{info['temperature']}K"


def type_of(atoms: Atoms) -> str:
    """Return the configuration type of a structure."""
    if atoms.info["uid"].startswith("chgnet-md-") and atoms.info["config_type"] in MELTS:
        return "melt"
    first, second = neighbor_list("ij", atoms, BOND)
    phosphorus, sulphur = atoms.symbols == "P", atoms.symbols == "S"
    bonds = np.bincount(first[phosphorus[first] & sulphur[second]], minlength=len(atoms))
    alike = (phosphorus[first] & phosphorus[second]) | (sulphur[first] & sulphur[second])
    return "broken" if np.any(alike) or np.any(bonds[phosphorus] != 4) else str(atoms.info["config_type"])


def shift_charged(atoms: Atoms) -> None:
    """Raise the energy of a charged cell over that of the electronic structure code; an earlier shift is replaced."""
    if atoms.info.get("charge", 0):
        shift = CHARGED_ZERO * float(atoms.info["charge"]) ** 2
        atoms.calc.results["energy"] += shift - float(atoms.info.get("charge_correction", 0))
        atoms.info["charge_correction"] = shift


def main() -> None:
    """Read, merge, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("-o", "--output", required=True, type=Path)
    arguments = parser.parse_args()
    packed: dict[str, Atoms] = {}
    for file in arguments.files:
        for atoms in read(file, ":", format="extxyz"):
            atoms.info["group"] = run_of(atoms)
            atoms.info["config_type"] = type_of(atoms)
            shift_charged(atoms)
            packed.setdefault(str(atoms.info["uid"]), atoms)
    structures = list(packed.values())
    again = {second for _, second in duplicates(structures, SAME)}
    structures = [atoms for number, atoms in enumerate(structures) if number not in again]
    text = "".join(map(extxyz_text, structures))
    partial = arguments.output.with_name(arguments.output.name + ".partial")
    partial.write_bytes(lzma.compress(text.encode(), preset=9))
    partial.replace(arguments.output)
    count = sum(map(len, structures))
    print(
        f"{arguments.output}: {len(structures)} structures, {count} atoms; left out as equal to another: {len(again)}"
    )


if __name__ == "__main__":
    main()
