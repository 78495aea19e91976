"""Labellers of programs: their inputs, their outputs, and what they refuse."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read
from ase.units import GPa

from ufpnmr.active.labelling import LabelError, create
from ufpnmr.active.labelling.cp2k import CP2K, VALENCE
from ufpnmr.active.labelling.programs import k_mesh
from ufpnmr.errors import InputError

PSEUDO = Path("/usr/share/espresso/pseudo/Si.pz-vbc.UPF")
BASIS = Path("/usr/share/cp2k/BASIS_MOLOPT")
needs_espresso = pytest.mark.skipif(
    shutil.which("pw.x") is None or not PSEUDO.is_file(), reason="Quantum ESPRESSO (pw.x and its data) is not installed"
)
needs_cp2k = pytest.mark.skipif(shutil.which("cp2k.psmp") is None, reason="cp2k.psmp is not installed")


@pytest.fixture
def stored(repository):
    """Folder of the stored outputs: Li2S in the order Li S Li; VASP and CASTEP sort by element."""
    return repository / "tests" / "data" / "labels"


@pytest.fixture
def li2s(stored):
    return read(stored / "li2s.extxyz")


FORCES = np.array([[0.11, -0.22, 0.033], [-0.4, 0.5, -0.066], [0.29, -0.28, 0.033]])
STRESS = np.array([1.2, 1.0, 0.8, -0.025, 0.05, -0.15]) * GPa
"""What was written into the stored outputs: positive under tension, VASP prints the negative in kB."""


def assert_stored(labels, energy):
    assert labels.energy == energy
    np.testing.assert_allclose(labels.forces, FORCES, atol=1e-12)
    np.testing.assert_allclose(labels.stress, STRESS, atol=1e-12)


# --- k points


@pytest.mark.parametrize(
    ("cell", "mesh"),
    [
        ([12.819, 8.2195, 6.1236], (1, 2, 3)),
        ([10.5, 10.51, 10.49], (2, 1, 2)),
        ([12.5, 6.25, 3.125], (1, 2, 4)),
        ([[4.0, 0, 0], [0, 4.0, 0], [0, 3.0, 4.0]], (4, 4, 4)),
    ],
)
def test_k_mesh_is_the_rule(cell, mesh):
    atoms = Atoms("Li", cell=cell, pbc=True)
    assert k_mesh(atoms) == mesh
    atoms.set_cell(np.asarray(atoms.cell.array)[[1, 0, 2]])  # left-handed
    assert k_mesh(atoms) == (mesh[1], mesh[0], mesh[2])


def test_k_mesh_of_heights_not_lengths():
    atoms = Atoms("Li", cell=[[4.0, 0, 0], [0, 4.0, 0], [0, 8.0, 4.0]], pbc=(True, True, False))
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    assert k_mesh(atoms) == (4, int(np.ceil(12.5 / heights[1])), 1)
    assert heights[1] < 2


# --- CP2K


def test_cp2k_input(tmp_path):
    atoms = bulk("LiH", "rocksalt", a=4.0, cubic=True)
    CP2K(cutoff=321).write_input(atoms, tmp_path)
    text = (tmp_path / "label.inp").read_text()
    assert "SCHEME MONKHORST-PACK 4 4 4" in text
    assert re.search(r"CUTOFF 321\.0\n", text)
    assert "CHARGE 0\n    UKS F" in text
    assert "A 4.000000000000 0.000000000000 0.000000000000" in text
    assert len(re.findall(r"^      (Li|H) [-\d. ]+$", text, re.MULTILINE)) == 8
    assert "&KIND Li\n      BASIS_SET DZVP-MOLOPT-SR-GTH\n      POTENTIAL GTH-PBE-q3" in text
    assert "&KIND H\n      BASIS_SET DZVP-MOLOPT-SR-GTH\n      POTENTIAL GTH-PBE-q1" in text


@pytest.mark.skipif(not BASIS.is_file(), reason="CP2K's basis set file is not installed")
def test_cp2k_valences_are_those_of_its_basis_file():
    found = {}
    with open(BASIS) as stream:
        for line in stream:
            if match := re.match(r"\s*([A-Z][a-z]?)\s+DZVP-MOLOPT-SR-GTH\s+DZVP-MOLOPT-SR-GTH-q(\d+)", line):
                found[match[1]] = int(match[2])
    assert found == VALENCE


def test_cp2k_refuses_before_it_runs(tmp_path):
    atoms = bulk("LiH", "rocksalt", a=4.0, cubic=True)
    del atoms[0]
    with pytest.raises(LabelError, match="13 electrons, an odd number"):
        CP2K().write_input(atoms, tmp_path)
    assert list(tmp_path.iterdir()) == []
    atoms.info["charge"] = -1
    CP2K().write_input(atoms, tmp_path)
    assert "CHARGE -1" in (tmp_path / "label.inp").read_text()
    del atoms.info["charge"]
    CP2K(spin=True).write_input(atoms, tmp_path)
    assert "UKS T" in (tmp_path / "label.inp").read_text()
    atoms.pbc = False
    with pytest.raises(LabelError, match="periodic in all directions"):
        CP2K().write_input(atoms, tmp_path)
    with pytest.raises(LabelError, match="no pseudopotential known for U"):
        CP2K().write_input(Atoms("U", cell=[9, 9, 9], pbc=True), tmp_path)
    CP2K(potentials={"U": "GTH-PBE-q14"}).write_input(Atoms("U", cell=[9, 9, 9], pbc=True), tmp_path)
    with pytest.raises(InputError, match="no such program; install CP2K"):
        CP2K(command="no-such-cp2k").ready()


CP2K_OUTPUT = """ *** SCF run converged in    11 steps ***
 ENERGY| Total FORCE_EVAL ( QS ) energy [a.u.]:               -8.054240000000000
"""
CP2K_FORCES = """
 ATOMIC FORCES in [a.u.]

 # Atom   Kind   Element          X              Y              Z
      1      1      Li          0.010000000000   -0.020000000000    0.030000000000
      2      2      H          -0.010000000000    0.020000000000   -0.030000000000
 SUM OF ATOMIC FORCES           0.000000000000    0.000000000000    0.000000000000     0.000000000000
"""
CP2K_STRESS = """
 STRESS| Analytical stress tensor [{unit}]
 STRESS|                        x                   y                   z
 STRESS|      x       -4.0E+00   1.0E+00   2.0E+00
 STRESS|      y        1.0E+00  -5.0E+00   3.0E+00
 STRESS|      z        2.0E+00   3.0E+00  -6.0E+00
 STRESS| 1/3 Trace                                            -5.0E+00
"""


def cp2k_folder(folder, atoms, unit="GPa"):
    CP2K().write_input(atoms, folder)
    (folder / "label.out").write_text(CP2K_OUTPUT)
    (folder / "forces.out").write_text(CP2K_FORCES)
    (folder / "stress.out").write_text(CP2K_STRESS.format(unit=unit))


@pytest.mark.parametrize(("unit", "factor"), [("GPa", 1.0), ("bar", 1e-4)])
def test_cp2k_output(tmp_path, unit, factor):
    atoms = bulk("LiH", "rocksalt", a=4.0)
    cp2k_folder(tmp_path, atoms, unit)
    labels = CP2K().read_output(atoms, tmp_path)
    assert labels.energy == pytest.approx(-8.05424 * 27.211386, rel=1e-8)
    np.testing.assert_allclose(labels.forces[0], np.array([1, -2, 3]) * 0.5142206748, rtol=1e-8)
    np.testing.assert_allclose(labels.stress, np.array([4, 5, 6, -3, -2, -1]) * factor * GPa, rtol=1e-12)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("label.out", "SCF run converged", "SCF run NOT converged", "SCF not converged"),
        ("label.out", "ENERGY|", "", "no energy in its output"),
        ("forces.out", "      2      2", "x", r"forces\.out: expected 2 rows of numbers, found 1"),
        ("forces.out", "0.010000000000 ", "************** ", r"forces\.out: expected numbers"),
        ("stress.out", "GPa", "furlong", "neither GPa nor bar"),
        ("label.inp", "H 2.0", "H 2.1", "are not those of the structure"),
    ],
)
def test_cp2k_output_that_cannot_be_used(tmp_path, file, old, new, message):
    atoms = bulk("LiH", "rocksalt", a=4.0)
    cp2k_folder(tmp_path, atoms)
    text = (tmp_path / file).read_text()
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new))
    with pytest.raises(LabelError, match=message):
        CP2K().read_output(atoms, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(LabelError):
        CP2K().read_output(atoms, tmp_path)


def displaced(atoms, i, axis, step):
    moved = atoms.copy()
    moved.positions[i, axis] += step
    return moved


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@needs_cp2k
@pytest.mark.slow
def test_cp2k_labels_a_real_cell(tmp_path):
    """Lithium hydride: a stored value, forces and stress against central differences of the energy."""
    atoms = Atoms("LiH", [[0, 0, 0], [0.1, 0.05, 2.0]], cell=[4.0, 4.2, 4.4], pbc=True)
    labeller = create("cp2k", {"kpoints": [1, 1, 2], "eps_scf": 1e-8})
    labeller.ready()
    assert re.fullmatch(r"CP2K \d+\.\d+", labeller.version())

    def label(structure):
        return labeller.label(structure, fresh(tmp_path / "work"))

    labels = label(atoms)
    assert labels.energy == pytest.approx(-219.169772, abs=2e-4)
    assert labels.notes["kpoints"] == [1, 1, 2]
    np.testing.assert_allclose(labels.forces.sum(axis=0), 0, atol=2e-3)
    step = 0.02
    for axis in (0, 2):
        up, down = (label(displaced(atoms, 1, axis, sign * step)).energy for sign in (1, -1))
        assert labels.forces[1, axis] == pytest.approx(-(up - down) / (2 * step), abs=3e-3)
    energies = []
    for sign in (1, -1):
        strained = atoms.copy()
        strained.set_cell(atoms.cell.array @ np.diag([1, 1, 1 + sign * 0.004]), scale_atoms=True)
        energies.append(label(strained).energy)
    slope = (energies[0] - energies[1]) / 0.008 / atoms.get_volume()
    assert labels.stress[2] == pytest.approx(slope, abs=2e-3)


# --- Quantum ESPRESSO


ESPRESSO = {
    "pseudopotentials": {"Si": "Si.pz-vbc.UPF"},
    "pseudo_dir": "/usr/share/espresso/pseudo",
    "ecutwfc": 18,
    "kpoints": [2, 2, 2],
}


def silicon():
    atoms = bulk("Si", a=5.43)
    atoms.positions[1] += [0.12, 0.05, -0.03]
    return atoms


def test_espresso_input(tmp_path):
    labeller = create("espresso", {**ESPRESSO, "kpoints": None, "input_data": {"SYSTEM": {"nbnd": 8}}})
    atoms = silicon()
    atoms.info["charge"] = 1
    labeller.write_input(atoms, tmp_path)
    text = (tmp_path / "label.pwi").read_text()
    for pattern in (
        r"tprnfor\s*=\s*\.true\.",
        r"tstress\s*=\s*\.true\.",
        r"ecutwfc\s*=\s*18\.0",
        r"nbnd\s*=\s*8",
        r"tot_charge\s*=\s*1\.0",
        r"K_POINTS automatic\s+4 4 4",
        r"Si\s+28\.08\d+ Si\.pz-vbc\.UPF",
    ):
        assert re.search(pattern, text), pattern
    with pytest.raises(LabelError, match="no pseudopotential named for Ge"):
        labeller.write_input(bulk("Ge"), tmp_path)
    with pytest.raises(InputError, match=r"labeller espresso: TypeError: .*pseudo_dir"):
        create("espresso", {"pseudopotentials": {}})


@needs_espresso
def test_espresso_labels_a_real_cell(tmp_path):
    labeller = create("espresso", {**ESPRESSO, "ecutwfc": 24})
    labeller.ready()
    assert labeller.version().startswith("Quantum ESPRESSO ")
    atoms = silicon()
    labels = labeller.label(atoms, fresh(tmp_path / "work"))
    assert labels.stress.shape == (6,)
    step = 0.01
    for axis in range(3):
        energies = [
            labeller.label(displaced(atoms, 1, axis, sign * step), fresh(tmp_path / "work")).energy for sign in (1, -1)
        ]
        assert labels.forces[1, axis] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=3e-3)
    output = tmp_path / "work" / "label.pwo"
    with pytest.raises(LabelError, match="are not those of the structure"):
        labeller.read_output(displaced(atoms, 0, 0, 0.05), output.parent)
    text = output.read_text()
    output.write_text(text.replace("convergence has been achieved", "convergence NOT achieved"))
    with pytest.raises(LabelError, match="SCF not converged"):
        labeller.read_output(atoms, output.parent)
    output.write_text(text[: len(text) // 2])
    with pytest.raises(LabelError, match="did not end"):
        labeller.read_output(atoms, output.parent)
    missing = create("espresso", {**ESPRESSO, "pseudo_dir": str(tmp_path)})
    with pytest.raises(InputError, match="no such pseudopotential"):
        missing.ready()


# --- VASP


@pytest.fixture
def potcars(tmp_path):
    for name in ("Li_sv", "S"):
        (tmp_path / "potpaw" / name).mkdir(parents=True)
        (tmp_path / "potpaw" / name / "POTCAR").write_text(f"  PAW_PBE {name}\n End of Dataset\n")
    return tmp_path / "potpaw"


def test_vasp_input(tmp_path, potcars, li2s):
    labeller = create("vasp", {"potcars": str(potcars), "setups": {"Li": "Li_sv"}, "incar": {"encut": 400, "ISIF": 3}})
    (tmp_path / "run").mkdir()
    labeller.write_input(li2s, tmp_path / "run")
    incar = dict(line.split(" = ") for line in (tmp_path / "run" / "INCAR").read_text().splitlines())
    assert (incar["ENCUT"], incar["NSW"], incar["ISIF"], incar["LWAVE"]) == ("400", "0", "2", ".FALSE.")
    assert (tmp_path / "run" / "KPOINTS").read_text().splitlines()[2:4] == ["Gamma", "4 4 4"]
    assert re.findall(r"PAW_PBE (\S+)", (tmp_path / "run" / "POTCAR").read_text()) == ["Li_sv", "S"]
    poscar = read(tmp_path / "run" / "POSCAR")
    assert poscar.get_chemical_symbols() == ["Li", "Li", "S"]
    np.testing.assert_allclose(poscar.positions, li2s.positions[[0, 2, 1]], atol=1e-9)
    with pytest.raises(LabelError, match="no such pseudopotential \\(of Li"):
        create("vasp", {"potcars": str(potcars)}).write_input(li2s, tmp_path / "run")
    li2s.info["charge"] = 1
    with pytest.raises(LabelError, match="NELECT"):
        labeller.write_input(li2s, tmp_path / "run")


@pytest.mark.parametrize("name", ["vasprun.xml", "OUTCAR"])
def test_vasp_stored_output(tmp_path, stored, li2s, name):
    shutil.copy(stored / name, tmp_path)
    labeller = create("vasp", {"potcars": "."})
    labels = labeller.read_output(li2s, tmp_path)
    assert_stored(labels, -11.870)  # energy(sigma->0)
    assert labels.notes["free_energy"] == -11.875
    assert "6.4.2" in labels.notes["program_version"]
    other = li2s.copy()
    other.positions[0, 0] += 0.01
    with pytest.raises(LabelError, match="are not those of the structure"):
        labeller.read_output(other, tmp_path)


def test_vasp_output_that_cannot_be_used(tmp_path, stored, li2s):
    labeller = create("vasp", {"potcars": "."})
    with pytest.raises(LabelError, match=r"neither vasprun\.xml nor OUTCAR"):
        labeller.read_output(li2s, tmp_path)
    text = (stored / "vasprun.xml").read_text()
    (tmp_path / "vasprun.xml").write_text(text.replace('name="NELM">   100', 'name="NELM">     2'))
    with pytest.raises(LabelError, match="SCF not converged in 2 steps"):
        labeller.read_output(li2s, tmp_path)
    (tmp_path / "vasprun.xml").write_text(text[: text.index("</calculation>")])
    with pytest.raises(LabelError, match="VASP did not end"):
        labeller.read_output(li2s, tmp_path)
    (tmp_path / "vasprun.xml").unlink()
    text = (stored / "OUTCAR").read_text()
    (tmp_path / "OUTCAR").write_text(text.replace("because EDIFF is reached", ""))
    with pytest.raises(LabelError, match="SCF not converged"):
        labeller.read_output(li2s, tmp_path)


# --- CASTEP


def test_castep_input(tmp_path, li2s):
    labeller = create(
        "castep", {"cut_off_energy": 400, "param": {"SPIN_POLARIZED": True}, "species_pot": {"Li": "QC5"}}
    )
    li2s.info["charge"] = -1
    labeller.write_input(li2s, tmp_path)
    text = (tmp_path / "label.cell").read_text()
    blocks = {
        name: rows.split("\n") for name, rows in re.findall(r"%BLOCK (\w+)\n(.*?)\n%ENDBLOCK \1\n", text, re.DOTALL)
    }
    assert [row.split()[0] for row in blocks["POSITIONS_ABS"]] == ["Li", "S", "Li"]
    np.testing.assert_allclose(np.loadtxt(blocks["LATTICE_CART"]), li2s.cell.array, atol=1e-11)
    np.testing.assert_allclose(np.loadtxt(blocks["POSITIONS_ABS"], usecols=(1, 2, 3)), li2s.positions, atol=1e-11)
    assert "KPOINTS_MP_GRID : 4 4 4" in text
    assert "%BLOCK SPECIES_POT\nLi QC5\n%ENDBLOCK SPECIES_POT" in text
    param = dict(line.split(" : ") for line in (tmp_path / "label.param").read_text().splitlines())
    assert (param["cut_off_energy"], param["calculate_stress"], param["charge"]) == ("400 eV", "True", "-1.0")
    assert (param["task"], param["spin_polarized"]) == ("SinglePoint", "True")


def test_castep_stored_output(tmp_path, stored, li2s):
    labeller = create("castep")
    with pytest.raises(LabelError, match="no such output"):
        labeller.read_output(li2s, tmp_path)
    text = (stored / "li2s.castep").read_text()
    (tmp_path / "label.castep").write_text(text)
    assert_stored(labeller.read_output(li2s, tmp_path), -675.218231)
    (tmp_path / "label.castep").write_text(text + "SCF cycles performed but system has not reached the groundstate.\n")
    with pytest.raises(LabelError, match="SCF not converged"):
        labeller.read_output(li2s, tmp_path)
    (tmp_path / "label.castep").write_text(text[: text.index("Finalisation")])
    with pytest.raises(LabelError, match="cannot be read: ParseError: No regular end"):
        labeller.read_output(li2s, tmp_path)
