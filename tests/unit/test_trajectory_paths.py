"""Ion paths: drift, changing cells, selections, universes of other origin."""

import ase
import ase.io
import MDAnalysis
import MDAnalysis.transformations
import numpy as np
import pytest

from ufpnmr import trajectory
from ufpnmr.errors import InputError

ELEMENTS = ["Li", "Li", "P", "S", "S"]
MASSES = np.array([6.94, 6.94, 30.973761998, 32.06, 32.06])


def make(tmp_path, positions, cells, elements=ELEMENTS, wrap=True, times=None):
    """Universe from an extxyz file with these frames."""
    frames = []
    for k, (r, cell) in enumerate(zip(positions, cells, strict=True)):
        atoms = ase.Atoms(elements, r, cell=cell, pbc=True)
        atoms.info["time"] = float(0.5 * k if times is None else times[k])
        if wrap:
            atoms.wrap(eps=0)
        frames.append(atoms)
    ase.io.write(tmp_path / "run.extxyz", frames)
    return trajectory.open(tmp_path / "run.extxyz")


@pytest.fixture
def walk():
    """Random walks of five atoms that leave their tilted cell, with a common drift; first frame inside."""
    rng = np.random.default_rng(5)
    cell = np.array([[8.0, 0, 0], [2.0, 7.0, 0], [-1.0, 1.5, 9.0]])
    drift = np.cumsum(rng.normal(0.1, 0.05, (60, 3)), axis=0)
    drift -= drift[0]
    own = np.cumsum(rng.normal(0.0, 0.35, (60, 5, 3)), axis=0)
    own -= own[0]
    start = rng.random((5, 3)) @ cell
    return cell, start, own, drift


def test_framework_drift_is_removed(tmp_path, walk):
    cell, start, own, drift = walk
    u = make(tmp_path, start + own + drift[:, None], [cell] * 60)
    own_framework = own[:, 2:].mean(axis=1)
    paths = trajectory.ion_paths(u, "element Li")
    np.testing.assert_allclose(paths.drift, drift + own_framework, atol=1e-6)
    np.testing.assert_allclose(paths.positions, (start + own - own_framework[:, None])[:, :2], atol=1e-6)
    assert (paths.drift_mode, paths.selection) == ("framework", "element Li")
    assert paths.ids.tolist() == [1, 2]
    assert paths.elements.tolist() == ["Li", "Li"]
    assert paths.interval == 0.5
    assert paths.constant_cell
    np.testing.assert_array_equal(paths.cell, np.broadcast_to(cell, (60, 3, 3)))
    assert repr(paths).startswith("IonPaths('element Li' of ")


def test_other_modes(tmp_path, walk):
    cell, start, own, drift = walk
    u = make(tmp_path, start + own + drift[:, None], [cell] * 60)
    plain = trajectory.ion_paths(u, "element Li", drift="none")
    np.testing.assert_allclose(plain.positions, (start + own + drift[:, None])[:, :2], atol=1e-6)
    np.testing.assert_array_equal(plain.drift, 0.0)
    mass_weighted = np.einsum("a,tax->tx", MASSES / MASSES.sum(), own)
    com = trajectory.ion_paths(u, "element Li", drift="com")
    np.testing.assert_allclose(com.drift, drift + mass_weighted, atol=1e-6)
    with pytest.raises(InputError, match="drift: expected one of framework, com, none, found 'frame'"):
        trajectory.ion_paths(u, "element Li", drift="frame")


def test_part_of_the_mobile_ions_is_no_framework(tmp_path, walk):
    cell, start, own, drift = walk
    u = make(tmp_path, start + own + drift[:, None], [cell] * 60)
    all_ions, one = trajectory.ion_paths(u, "element Li"), trajectory.ion_paths(u, "element Li and index 1")
    np.testing.assert_array_equal(one.drift, all_ions.drift)
    np.testing.assert_array_equal(one.positions[:, 0], all_ions.positions[:, 1])


def test_without_framework_the_centre_of_mass_serves(tmp_path, walk):
    cell, start, own, drift = walk
    u = make(tmp_path, start + own + drift[:, None], [cell] * 60)
    with pytest.warns(UserWarning, match="no framework atoms"):
        paths = trajectory.ion_paths(u, "all")
    assert paths.drift_mode == "com"
    np.testing.assert_allclose(np.einsum("a,tax->tx", MASSES, paths.positions - paths.positions[0]), 0, atol=1e-9)


def test_changing_cell_sums_displacements(tmp_path, walk):
    """Oracle: nearest-image displacements of wrapped positions, added up (von Bülow et al. 2020)."""
    cell, start, own, _ = walk
    rng = np.random.default_rng(6)
    cells = cell * (1.0 + 0.004 * rng.normal(size=(60, 1, 1)))
    fractional = (start + own) @ np.linalg.inv(cell)
    wrapped = np.einsum("tai,tij->taj", fractional - np.floor(fractional), cells)
    expected = wrapped.copy()
    for t in range(1, 60):
        step = wrapped[t] - wrapped[t - 1]
        images = np.rint(np.floor(fractional[t - 1]) - np.floor(fractional[t]))
        expected[t] = expected[t - 1] + step - images @ cells[t]
    u = make(tmp_path, wrapped, cells)
    paths = trajectory.ion_paths(u, "element Li", drift="none")
    assert not paths.constant_cell
    np.testing.assert_allclose(paths.positions, expected[:, :2], atol=1e-5)


def test_cell_fluctuations_are_not_scaled_by_the_distance_travelled(tmp_path):
    """An ion that rests ten cells from its start does not seem to move when the cell breathes."""
    lengths = 10.0 + np.r_[np.zeros(60), 0.1 * np.sin(np.arange(200))]
    s = np.r_[np.linspace(0.3, 10.3, 60), np.full(200, 10.3)]
    positions = np.zeros((260, 2, 3))
    positions[:, 0, 0] = s * lengths
    cells = lengths[:, None, None] * np.eye(3)
    u = make(tmp_path, positions, cells, ["Li", "S"])
    rest = trajectory.ion_paths(u, "element Li").positions[60:, 0, 0]
    assert np.ptp(u.trajectory.timeseries()[60:, 0, 0]) > 1.9
    assert np.ptp(rest) < 0.07


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ("element Na", r"holds no atom of .*run.extxyz; there are 2 Li, 1 P, 2 S"),
        ("elment Li", "selection 'elment Li'"),
    ],
)
def test_wrong_selections(tmp_path, walk, selection, message):
    cell, start, own, _ = walk
    u = make(tmp_path, start + own, [cell] * 60)
    with pytest.raises(InputError, match=message):
        trajectory.ion_paths(u, selection)


def test_interval_needs_equal_spacing(tmp_path, walk):
    cell, start, own, _ = walk
    times = np.arange(60.0)
    times[31:] += 3.0
    u = make(tmp_path, start + own, [cell] * 60, times=times)
    assert np.isnan(u.trajectory.dt)
    paths = trajectory.ion_paths(u, "element Li")
    np.testing.assert_array_equal(paths.time, times)
    with pytest.raises(InputError, match="found 4 ps between frames 30 and 31"):
        _ = paths.interval


def test_universe_of_another_reader_is_unwrapped(walk):
    cell, start, own, _ = walk
    wrapped = start + own
    wrapped = (wrapped @ np.linalg.inv(cell) % 1.0) @ cell
    u = MDAnalysis.Universe.empty(5, trajectory=False)
    u.add_TopologyAttr("elements", ELEMENTS)
    u.add_TopologyAttr("masses", MASSES)
    u.add_TopologyAttr("ids", np.arange(1, 6))
    dimensions = MDAnalysis.lib.mdamath.triclinic_box(*cell)
    u.load_new(wrapped.astype(np.float32), order="fac", dimensions=dimensions, dt=0.5)
    paths = trajectory.ion_paths(u, "element Li", drift="none")
    assert paths.interval == pytest.approx(0.5)
    np.testing.assert_allclose(paths.positions, (start + own)[:, :2], atol=2e-4)


def test_transformations_are_respected(tmp_path, walk):
    cell, start, own, _ = walk
    u = make(tmp_path, start + own, [cell] * 60)
    u.trajectory.add_transformations(MDAnalysis.transformations.translate([1.0, 2.0, 3.0]))
    moved = trajectory.ion_paths(u, "element Li", drift="none").positions
    np.testing.assert_allclose(moved, (start + own)[:, :2] + [1, 2, 3], atol=1e-4)
