"""Field gradients from CP2K's density matrix: against PySCF's own integrals, and on a real cell."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.io import FortranFile

from ufpnmr.active.labelling import LabelError, Labels, create
from ufpnmr.active.labelling.cp2k_density import DensityMatrix, k_points
from ufpnmr.active.labelling.cp2k_efg import _OWN_BASIS, CP2KGradients
from ufpnmr.active.labelling.density_gradient import Basis, Ion, _free_atom, _own_density, field_gradients
from ufpnmr.active.labelling.labeller import checked
from ufpnmr.active.labelling.recording import labelled_atoms
from ufpnmr.errors import InputError
from ufpnmr.units import BOHR_ANGSTROM, HARTREE_EV

HYDROGEN = """# soft functions in CP2K's format
H SOFT
  2
  1 0 0 2 1
    1.1  0.4
    0.3  0.7
  2 0 1 1 1 1
    0.25 1.0 1.0
"""
BOX = 11.0
needs_cp2k = pytest.mark.skipif(
    shutil.which("cp2k.psmp") is None or not Path("/usr/share/cp2k/BASIS_MOLOPT").is_file(),
    reason="CP2K is not installed",
)


@pytest.fixture
def bases(tmp_path):
    (tmp_path / "H").write_text(HYDROGEN, encoding="utf-8")
    return {"Li": Basis.read(_OWN_BASIS, "Li", "Li-EFG"), "H": Basis.read(tmp_path / "H", "H", "SOFT")}


def molecule(bases, positions):
    """LiH by PySCF: density matrix in CP2K's order, and the gradient at Li from analytic integrals, V/Å²."""
    from pyscf import gto, scf

    mol = gto.M(
        atom=list(zip(("Li", "H"), positions.tolist(), strict=True)),
        basis={e: b.to_pyscf() for e, b in bases.items()},
        verbose=0,
    )
    mean_field = scf.RHF(mol)
    mean_field.kernel()
    matrix = mean_field.make_rdm1()
    with mol.with_rinv_origin(mol.atom_coord(0)):
        second = mol.intor("int1e_ipiprinv", comp=9)
        both = mol.intor("int1e_iprinvip", comp=9)
    operator = second + second.transpose(0, 2, 1) + 2 * both
    electrons = -np.einsum("xpq,pq->x", operator, matrix).reshape(3, 3)
    d = mol.atom_coord(1) - mol.atom_coord(0)
    V = electrons + 3 * np.outer(d, d) / np.linalg.norm(d) ** 5
    V = (V + V.T) / 2
    V -= np.eye(3) * np.trace(V) / 3
    sizes = [len(bases[e].order()) for e in ("Li", "H")]
    order = np.concatenate([bases["Li"].order(), sizes[0] + np.array(bases["H"].order())])
    cp2k = np.empty_like(matrix)
    cp2k[np.ix_(order, order)] = matrix
    return DensityMatrix({(0, 0, 0): cp2k}, np.array(sizes)), V * HARTREE_EV / BOHR_ANGSTROM**2


def test_gradients_are_those_of_analytic_integrals(bases):
    """A molecule far from its images, off the axes: quadrature, long range and on-site transform together."""
    positions = np.array([[0.2, -0.3, 0.1], [1.1, 0.6, 1.2]])
    density, expected = molecule(bases, positions)
    atoms = Atoms("LiH", positions, cell=[BOX] * 3, pbc=True)
    ions = {"Li": Ion(bases["Li"], 3, True), "H": Ion(bases["H"], 1, False)}
    V, electrons = field_gradients(atoms, density, (1, 1, 1), ions)
    assert electrons == pytest.approx(4, abs=1e-5)
    assert np.isnan(V[1]).all()
    scale = np.linalg.norm(expected)
    assert scale > 1
    np.testing.assert_allclose(V[0], expected, atol=4e-3 * scale)  # 0.04 % of quadrature, the dipoles of images
    np.testing.assert_allclose(V[0], V[0].T, atol=1e-10 * scale)


@pytest.mark.parametrize("divisions", [(1, 1, 1), (2, 2, 1), (3, 2, 4)])
def test_k_points_stand_for_the_whole_mesh(divisions):
    points, weights = k_points(divisions)
    assert weights.sum() == pytest.approx(1)
    whole = {tuple(np.round(s * p, 12) + 0.0) for p in points for s in (1, -1)}
    assert len(whole) == np.prod(divisions)
    cells = np.array([[1, 0, 0], [0, 1, 1], [2, -1, 3]])
    phases = (weights[:, None] * np.cos(2 * np.pi * points @ cells.T)).sum(0)
    full = [np.mean([np.cos(2 * np.pi * np.dot(p, c)) for p in whole]) for c in cells]
    np.testing.assert_allclose(phases, full, atol=1e-10)


def test_shells_of_one_set_of_exponents_are_one(bases, tmp_path):
    """Their functions, and the order of them, are those of the shells one by one."""
    from pyscf import gto

    (tmp_path / "S").write_text(
        "S SHARED\n 2\n 2 0 1 2 2 2\n  1.1 0.4 0.2 0.7 0.1\n  0.3 0.7 -0.5 0.2 0.9\n 1 0 0 1 1\n  0.5 1.0\n",
        encoding="utf-8",
    )
    basis = Basis.read(tmp_path / "S", "S", "SHARED")
    assert [len(shell) for shell in basis.to_pyscf()] == [3, 3, 2]
    assert [len(row) for row in basis.to_pyscf()[0][1:]] == [3, 3]
    single = [[momentum, *rows.tolist()] for momentum, rows in basis.shells]
    points = np.random.default_rng(1).normal(size=(20, 3))
    values = [
        gto.M(atom="S 0 0 0", basis={"S": shells}, verbose=0).eval_gto("GTOval", points)
        for shells in (basis.to_pyscf(), single)
    ]
    np.testing.assert_allclose(values[0], values[1], atol=1e-13)
    assert len(bases["Li"].to_pyscf()) == 17


def test_own_density_of_images_in_a_skewed_cell(bases):
    """Of a sphere larger than the cell: the sum over images, one by one."""
    atom = _free_atom(bases["H"])
    rng = np.random.default_rng(4)
    vectors = np.array([[5.0, 0, 0], [1.5, 4.0, 0], [-0.7, 0.9, 6.0]])
    matrix = rng.normal(size=(5, 5))
    mesh, position, radius = (6, 5, 7), np.array([4.1, -0.3, 7.2]), 6.5
    found = _own_density(atom, matrix + matrix.T, mesh, vectors, position, radius)
    grid = np.stack(np.meshgrid(*[np.arange(m) / m for m in mesh], indexing="ij"), -1).reshape(-1, 3) @ vectors
    expected = np.zeros(len(grid))
    for image in np.indices((9, 9, 9)).reshape(3, -1).T - 4:
        points = grid + image @ vectors - position
        values = atom.eval_gto("GTOval", points) * ((points**2).sum(1) < radius**2)[:, None]
        expected += ((values @ (matrix + matrix.T)) * values).sum(1)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_basis_orders_and_refusals(bases, tmp_path):
    assert [momentum for momentum, _ in bases["H"].shells] == [0, 0, 1]
    assert bases["H"].order() == [0, 1, 4, 2, 3]  # CP2K's y z x as PySCF's x y z
    assert sorted(bases["Li"].order()) == list(range(53))
    with pytest.raises(InputError, match="no basis set Li-EFG for Na"):
        Basis.read(_OWN_BASIS, "Na", "Li-EFG")
    with pytest.raises(InputError, match="no such basis set file"):
        Basis.read(tmp_path / "none", "Li", "Li-EFG")


def test_gradients_need_no_forces():
    labels = checked(Labels(1.0, None, efg=np.zeros((1, 3, 3))), bulk("Cu"))
    written = labelled_atoms(bulk("Cu"), "one", labels)
    assert labels.forces is None
    assert written.arrays["efg"].shape == (1, 9)
    assert set(written.calc.results) == {"energy"}
    with pytest.raises(LabelError, match="expected forces or efg, found neither"):
        checked(Labels(1.0, None), bulk("Cu"))


def write_restart(path, matrix, functions):
    with FortranFile(path, "w") as stream:
        stream.write_record(np.array([0], dtype=np.int32))
        stream.write_record(np.array([len(functions), len(matrix), 1, 1], dtype=np.int32))
        stream.write_record(np.array([0], dtype=np.int32))
        stream.write_record(np.array([0], dtype=np.int32))
        stream.write_record(np.array(functions, dtype=np.int32))
        stream.write_record(np.array([1, 1, 2], dtype=np.int32))
        for cell, block in (((0, 0, 0), matrix), ((0, 0, 1), 0.1 * matrix)):
            stream.write_record(np.array([1, *cell], dtype=np.int32))
            for column in block.T:
                stream.write_record(column)


def test_restart_file(tmp_path):
    matrix = np.random.default_rng(2).normal(size=(3, 3))
    path = tmp_path / "label-RESTART.kp"
    write_restart(path, matrix, [2, 1])
    found = DensityMatrix.read(path)
    np.testing.assert_array_equal(found.blocks[0, 0, 0], matrix)
    np.testing.assert_array_equal(found.blocks[0, 0, 1], 0.1 * matrix)
    assert found.functions.tolist() == [2, 1]
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(LabelError, match=r"label-RESTART\.kp: not the restart file"):
        DensityMatrix.read(path)
    write_restart(path, matrix, [2, 2])
    with pytest.raises(LabelError, match="4 basis functions by atom, 3 in all"):
        DensityMatrix.read(path)
    with pytest.raises(LabelError, match="not the restart file"):
        DensityMatrix.read(tmp_path / "none.kp")


def test_states_make_the_density_of_their_matrix():
    """Of a chain of two sites with a real P(R): Σ_k states at k gives P(0) back."""
    matrix = np.diag([1.5, 0.5]) + 0.2 * (np.ones((2, 2)) - np.eye(2))
    hop = np.array([[0.1, 0.05], [0.05, 0.02]])
    blocks = {(0, 0, 0): matrix, (1, 0, 0): hop, (-1, 0, 0): hop}
    states = DensityMatrix(blocks, np.array([1, 1])).states((3, 1, 1))
    total = sum((s.coefficients * s.occupation) @ s.coefficients.conj().T for s in states).real
    np.testing.assert_allclose(total, matrix, atol=1e-9)


def test_refusals_before_it_runs(tmp_path):
    atoms = bulk("LiH", "rocksalt", a=4.0, cubic=True)
    with pytest.raises(InputError, match="no all-electron basis for Na"):
        CP2KGradients(centres=["Na"])
    labeller = create("cp2k-efg", {"data": str(tmp_path)})
    with pytest.raises(InputError, match="BASIS_MOLOPT"):
        labeller.write_input(atoms, tmp_path)
    if shutil.which("cp2k.psmp"):
        with pytest.raises(InputError, match="no BASIS_MOLOPT there"):
            labeller.ready()
    with pytest.raises(LabelError, match="periodic in all directions"):
        CP2KGradients().write_input(Atoms("Li2", cell=[9, 9, 9]), tmp_path)


@needs_cp2k
def test_input_and_electrons(tmp_path):
    atoms = bulk("LiH", "rocksalt", a=4.0, cubic=True)
    labeller = CP2KGradients()
    labeller.write_input(atoms, tmp_path)
    text = (tmp_path / "label.inp").read_text(encoding="utf-8")
    assert "METHOD GAPW" in text
    assert "POTENTIAL ALL\n      LEBEDEV_GRID 50" in text
    assert "POTENTIAL GTH-PBE-q1\n      GPW_TYPE T" in text
    assert "RUN_TYPE ENERGY_FORCE" in text
    assert "EPS_RHO 1e-07" in text
    CP2KGradients(forces=False, eps_rho=1e-9).write_input(atoms, tmp_path)
    text = (tmp_path / "label.inp").read_text(encoding="utf-8")
    assert "RUN_TYPE ENERGY\n" in text
    assert "EPS_RHO 1e-09" in text
    del atoms[0]
    with pytest.raises(LabelError, match="an odd number"):
        labeller.write_input(atoms, tmp_path)
    with pytest.raises(LabelError, match="none of Li in this structure"):
        labeller.write_input(Atoms("H2", [[0, 0, 0], [0, 0, 0.8]], cell=[6] * 3, pbc=True), tmp_path)


@needs_cp2k
@pytest.mark.slow
def test_a_real_cell(tmp_path):
    """Tetragonal LiH: equal tensors, axial about c."""
    atoms = bulk("LiH", "rocksalt", a=4.0, cubic=True)
    atoms.set_cell(atoms.cell.array * [[1], [1], [1.06]], scale_atoms=True)
    labeller = CP2KGradients(kpoint_length=8.0, cutoff=300)
    labels = labeller.label(atoms, tmp_path)
    lithium = [i for i, s in enumerate(atoms.symbols) if s == "Li"]
    V = labels.efg[lithium]
    assert np.isnan(np.delete(labels.efg, lithium, 0)).all()
    assert abs(labels.notes["electrons"] - 16) < 1e-3
    zz = V[:, 2, 2]
    np.testing.assert_allclose(zz, zz[0], rtol=5e-3)
    assert abs(zz[0]) > 0.05
    np.testing.assert_allclose(V[:, 0, 0], -zz / 2, atol=0.01 * abs(zz[0]))
    np.testing.assert_allclose(V * (1 - np.eye(3)), 0, atol=0.01 * abs(zz[0]))
