"""inputs/lps/labels/pack.py merges label files."""

import lzma
import subprocess
import sys

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

PS4 = np.array([[0, 0, 0], [1.2, 1.2, 1.2], [-1.2, -1.2, 1.2], [1.2, -1.2, -1.2], [-1.2, 1.2, -1.2]])


def labelled(uid, *, shift=0.0, **info):
    """Return Li and PS4 in a box, with labels."""
    positions = np.vstack([PS4, [[4.0 + shift, 4.0, 4.0]]])
    atoms = Atoms(
        "PS4Li", positions, cell=[9, 9, 9], pbc=True, info={"uid": uid, "group": uid[0], "config_type": "x", **info}
    )
    atoms.calc = SinglePointCalculator(atoms, energy=-5.0, forces=np.zeros((6, 3)))
    return atoms


@pytest.fixture
def pack(lps, tmp_path):
    """Run pack.py; return the structures packed by uid."""

    def run(*files):
        script, out = lps / "labels" / "pack.py", tmp_path / "out.extxyz.xz"
        subprocess.run([sys.executable, script, *files, "-o", out], check=True, cwd=tmp_path)
        text = lzma.decompress(out.read_bytes()).decode()
        (tmp_path / "out.extxyz").write_text(text, encoding="utf-8")
        return {atoms.info["uid"]: atoms for atoms in read(tmp_path / "out.extxyz", ":")}

    return run


def test_energies_of_charged_cells_are_raised_once(pack, tmp_path):
    write(
        tmp_path / "new.extxyz",
        [labelled("a1", charge=-1), labelled("a2", shift=0.1, charge=1), labelled("a3", shift=0.2)],
    )
    for source in ("new.extxyz", "out.extxyz.xz"):  # packing what is packed changes nothing
        structures = pack(source)
        assert structures["a1"].get_potential_energy() == pytest.approx(-4.71)
        assert structures["a2"].get_potential_energy() == pytest.approx(-4.71)
        assert structures["a3"].get_potential_energy() == pytest.approx(-5.0)
        assert structures["a1"].info["charge_correction"] == pytest.approx(0.29)
        assert "charge_correction" not in structures["a3"].info
    text = (tmp_path / "out.extxyz").read_text().replace("charge_correction=0.29", "charge_correction=0.19")
    (tmp_path / "earlier.extxyz").write_text(text)  # raised by another amount once: by the difference now
    assert pack("earlier.extxyz")["a1"].get_potential_energy() == pytest.approx(-4.61)


def test_every_structure_once(pack, tmp_path):
    write(tmp_path / "a.extxyz", [labelled("a1"), labelled("a2", shift=0.1)])
    write(tmp_path / "b.extxyz", [labelled("a1", shift=0.3), labelled("b1", shift=1e-5), labelled("b2", shift=0.2)])
    assert set(pack("a.extxyz", "b.extxyz")) == {"a1", "a2", "b2"}


def test_what_left_the_material_is_called_broken(pack, tmp_path):
    atoms = labelled("a1")
    atoms.positions[1] *= 1.5  # P-S 3.1 Å
    write(tmp_path / "a.extxyz", [atoms, labelled("a2")])
    types = {uid: structure.info["config_type"] for uid, structure in pack("a.extxyz").items()}
    assert types == {"a1": "broken", "a2": "x"}
