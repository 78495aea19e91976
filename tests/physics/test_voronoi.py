"""Voronoi coordination: perfect lattices in closed form, invariances, SciPy's Voronoi, labels of known crystals."""

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read
from scipy.spatial import ConvexHull, Voronoi

from ufpnmr.dynamics import coordination_labels
from ufpnmr.dynamics.coordination import CoordinationPaths
from ufpnmr.dynamics.voronoi import voronoi_cell, voronoi_faces
from ufpnmr.errors import InputError

SQUARE = 4 * np.arcsin(1 / 9)
"""Solid angle of a square face of the truncated octahedron: side a at height √2 a."""


def faces(atoms, weight="solid angle"):
    return voronoi_faces(atoms.positions, atoms.positions, atoms.cell.array, weight)


@pytest.mark.parametrize("cubic", [False, True])
def test_fcc_has_twelve_equal_faces(cubic):
    for index, weights in faces(bulk("Al", "fcc", a=4.05, cubic=cubic)):
        assert len(index) == 12
        np.testing.assert_allclose(weights, 4 * np.pi / 12)


@pytest.mark.parametrize("cubic", [False, True])
def test_bcc_has_eight_hexagons_and_six_squares(cubic):
    for _, weights in faces(bulk("Fe", "bcc", a=2.87, cubic=cubic)):
        assert len(weights) == 14
        np.testing.assert_allclose(weights[8:], SQUARE)
        np.testing.assert_allclose(weights[:8], (4 * np.pi - 6 * SQUARE) / 8)
    (_, areas), *_ = faces(bulk("Fe", "bcc", a=2.87), "area")
    side = 2.87 / (2 * np.sqrt(2))
    np.testing.assert_allclose(areas, [1.5 * np.sqrt(3) * side**2] * 8 + [side**2] * 6)


def test_simple_cubic_and_rock_salt():
    (_, weights), *_ = faces(bulk("Po", "sc", a=3.3))
    np.testing.assert_allclose(weights, 4 * np.pi / 6)
    salt = bulk("NaCl", "rocksalt", a=5.64, cubic=True)
    sodium, chlorine = (salt.positions[salt.symbols == name] for name in ("Na", "Cl"))
    for _, weights in voronoi_faces(sodium, chlorine, salt.cell.array):
        np.testing.assert_allclose(weights[:6], 4 * np.pi / 6)


def test_faces_are_those_of_scipy():
    rng = np.random.default_rng(1)
    points = rng.normal(0, 3, (60, 3))
    weights, radius = voronoi_cell(points, "area")
    peer = Voronoi(np.concatenate([[[0, 0, 0]], points]))
    expected = np.zeros(60)
    for (a, b), ridge in zip(peer.ridge_points, peer.ridge_vertices, strict=True):
        if 0 in (a, b):
            corners = peer.vertices[ridge]
            normal = peer.points[max(a, b)] / np.linalg.norm(peer.points[max(a, b)])
            frame = np.linalg.svd(normal[None])[2][1:]
            expected[max(a, b) - 1] = ConvexHull(corners @ frame.T).volume
    np.testing.assert_allclose(weights, expected, atol=1e-9)
    assert radius == pytest.approx(np.linalg.norm(peer.vertices[peer.regions[peer.point_region[0]]], axis=1).max())
    assert voronoi_cell(points)[0].sum() == pytest.approx(4 * np.pi)


def test_choice_of_the_cell_rotation_and_shift_do_not_matter():
    rng = np.random.default_rng(2)
    cell = np.array([[7.0, 0, 0], [2.5, 6.5, 0], [-1.5, 3.0, 8.0]])
    ions, ligands = rng.random((4, 3)) @ cell, rng.random((20, 3)) @ cell
    expected = voronoi_faces(ions, ligands, cell)
    skewed = np.array([[1, 0, 0], [2, 1, 0], [-1, 1, 1]]) @ cell  # the same lattice
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for a, b, box in (
        (ions, ligands, skewed),
        (ions @ turn, ligands @ turn, cell @ turn),
        (ions + 5.3, ligands + 5.3 + cell[1], cell),
    ):
        for (index, weights), (other, again) in zip(expected, voronoi_faces(a, b, box), strict=True):
            np.testing.assert_allclose(again, weights, atol=1e-9)
            assert sorted(index) == sorted(other)


def crystal(structure, n_frames, noise, seed=3):
    rng = np.random.default_rng(seed)
    positions = structure.positions + rng.normal(0, noise, (n_frames, len(structure), 3))
    of = [positions[:, structure.symbols == name] for name in ("Li", "S")]
    cell = np.tile(structure.cell.array, (n_frames, 1, 1))
    return CoordinationPaths(np.arange(n_frames) * 1.0, np.arange(of[0].shape[1]), *of, cell)


def test_labels_of_beta_li3ps4_with_thermal_noise(repository):
    """4b lithium: one third of the ions in octahedra, two thirds in tetrahedra of sulphur."""
    structure = read(repository / "inputs/lps/structures/beta-Li3PS4-4b-relaxed-chgnet.xyz")
    labels = coordination_labels(crystal(structure, 12, 0.1), ion="Li", ligand="S", count="voronoi")
    names = [labels.names[str(code)] for code in labels.label[-1]]
    assert (labels.label == labels.label[0]).all()
    assert (names.count("LiS6"), names.count("LiS4")) == (len(names) // 3, 2 * len(names) // 3)
    assert labels.parameters["count"] == "voronoi"


def test_hysteresis_forgets_a_flickering_face_and_keeps_a_lasting_change():
    cell = 20 * np.eye(3)
    octahedron = 2.5 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1.0]])
    grid = np.stack(np.meshgrid(*[[-5.0, 0.0, 5.0]] * 3), axis=-1).reshape(-1, 3)
    far = grid[np.abs(grid).sum(axis=1) > 5]
    ligands = np.tile(np.concatenate([octahedron, far]) + 10, (60, 1, 1))
    ligands[20:22, 0, 0] += 3.0  # two frames: filtered
    ligands[40:, 0, 0] += 3.0  # for good
    arrays = CoordinationPaths(
        np.arange(60.0), np.array([1]), np.full((60, 1, 3), 10.0), ligands, np.tile(cell, (60, 1, 1))
    )
    labels = coordination_labels(arrays, ion="X", ligand="Y", sites=(5, 6), count="voronoi", minimum_residence=5.0)
    assert (labels.label[:38, 0] == 6).all()
    assert (labels.label[44:, 0] == 5).all()
    assert labels.n_changes_settled == 1
    assert labels.n_changes_raw == 3


def test_what_has_no_cell_is_refused():
    with pytest.raises(InputError, match="do not enclose"):
        voronoi_cell(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]))
    with pytest.raises(InputError, match="at its place"):
        voronoi_cell(np.zeros((5, 3)))
    arrays = crystal(bulk("NaCl", "rocksalt", a=5.6, cubic=True), 3, 0.0)
    with pytest.raises(InputError, match="expected ions and ligands"):
        coordination_labels(arrays, ion="Li", ligand="S", count="voronoi")


def test_many_ions_at_once_give_the_cells_of_each(monkeypatch):
    rng = np.random.default_rng(5)
    cell = np.array([[9.0, 0, 0], [1.5, 8.0, 0], [-1.0, 2.0, 10.0]])
    ligands, ions = rng.random((40, 3)) @ cell, rng.random((25, 3)) @ cell
    # so short a first reach leaves some cells open, others too large for it: they are tried again with a longer one
    monkeypatch.setattr("ufpnmr.dynamics.voronoi.FIRST_REACH", 1.2)
    shifts = np.array(np.meshgrid(*[range(-2, 3)] * 3)).reshape(3, -1).T @ cell
    for weight in ("solid angle", "area"):
        together = voronoi_faces(ions, ligands, cell, weight)
        for ion, (index, weights) in zip(ions, together, strict=True):
            alone, _ = voronoi_cell((ligands[None] + shifts[:, None]).reshape(-1, 3) - ion, weight)
            ligand = np.tile(np.arange(40), len(shifts))
            seen = np.flatnonzero(alone > 1e-9 * alone.max())
            order = seen[np.argsort(-alone[seen], kind="stable")]
            np.testing.assert_allclose(weights, alone[order], rtol=1e-9)
            np.testing.assert_array_equal(index, ligand[order])
