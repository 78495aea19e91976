"""Angles of tetrahedra, their velocities, the low-pass filter, ions around polyanions."""

import dataclasses

import numpy as np
import pytest

from ufpnmr.dynamics import (
    Tetrahedra,
    angle_distributions,
    angle_triples,
    bonded_tetrahedra,
    ion_density,
    lattice_tetrahedra,
    listed_tetrahedra,
    low_pass,
)
from ufpnmr.errors import InputError
from ufpnmr.results.angles import AngleResult, IonDensity
from ufpnmr.trajectory import Frames
from ufpnmr.units import THZ_IN_PER_CM

CORNERS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)


def frames(positions, cell, elements, interval=0.005):
    positions = np.asarray(positions, dtype=float)
    n_frames, n = positions.shape[:2]
    return Frames(
        ids=np.arange(1, n + 1),
        elements=np.asarray(elements),
        positions=positions,
        cell=np.broadcast_to(cell, (n_frames, 3, 3)).copy(),
        time=np.arange(n_frames) * interval,
        velocities=None,
        source="made.dump",
    )


def bcc(repeat, a=5.07):
    corners = np.stack(np.meshgrid(*[np.arange(repeat)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    return np.concatenate([corners, corners + 0.5]) * a, np.eye(3) * a * repeat


def theta_of(made, tetrahedra, kind="face", reference=None):
    from ufpnmr import _core

    triples = angle_triples(made, tetrahedra, kind, reference)
    return np.degrees(_core.triple_angles(made.positions, triples, made.cell, 1))


def test_bcc_iodide_has_four_large_and_eight_small_angles():
    positions, cell = bcc(3)
    made = frames(positions[None], cell, ["I"] * len(positions))
    found = lattice_tetrahedra(made, "I")
    assert len(found.corners) == 12 * 27
    angles = np.sort(theta_of(made, found)[0])
    np.testing.assert_allclose(angles[: 8 * 324], 54.735610, atol=1e-5)
    np.testing.assert_allclose(angles[8 * 324 :], 70.528779, atol=1e-5)
    assert len(angle_triples(made, found, reference=70.53)) == 4 * 324
    with pytest.raises(InputError, match=r"within 5° of 90"):
        angle_triples(made, found, reference=90.0)
    with pytest.raises(InputError, match="no"):
        angle_triples(made, found, kind="bond")
    small, tiny = bcc(1)
    with pytest.raises(InputError, match="too small"):
        lattice_tetrahedra(frames(small[None], tiny, ["I"] * 2), "I")


def polyanions(n_frames=1, repeat=2, box=8.0):
    """PS4 units across the periodic faces."""
    centres = np.stack(np.meshgrid(*[np.arange(repeat)] * 3, indexing="ij"), axis=-1).reshape(-1, 3) * box
    ligands = (centres[:, None] + 2.05 * CORNERS).reshape(-1, 3)
    positions = np.concatenate([centres, ligands]) % (box * repeat)
    elements = ["P"] * len(centres) + ["S"] * len(ligands)
    return np.tile(positions, (n_frames, 1, 1)), np.eye(3) * box * repeat, elements


def test_regular_tetrahedra_found_by_bonds_and_by_list():
    positions, cell, elements = polyanions()
    made = frames(positions, cell, elements)
    found = bonded_tetrahedra(made, "P", "S")
    assert len(found.corners) == 8
    assert found.changed == 0.0
    np.testing.assert_allclose(theta_of(made, found), 60.0, atol=1e-6)
    np.testing.assert_allclose(theta_of(made, found, "bond"), 109.471221, atol=1e-5)
    assert angle_triples(made, found).shape == (12 * 8, 3)
    assert angle_triples(made, found, "bond").shape == (6 * 8, 3)
    rows = np.column_stack([found.centres, found.corners]) + 1
    listed = listed_tetrahedra(made, rows.tolist(), "list.txt")
    np.testing.assert_array_equal(listed.corners, found.corners)
    for wrong, text in (([[1, 2, 3]], "rows of 4 ids"), ([[1, 2, 3, 999]], "id 999"), ([[1, 2, 3, 3]], "different")):
        with pytest.raises(InputError, match=text):
            listed_tetrahedra(made, wrong, "list.txt")
    with pytest.raises(InputError, match="four S within 1"):
        bonded_tetrahedra(made, "P", "S", cutoff=1.0)


def test_changes_of_membership_are_counted():
    positions, cell, elements = polyanions(10)
    positions[5:, 8] = positions[5:, 1] - 1.5 * CORNERS[0]  # the first S of the first P goes to the second P
    found = bonded_tetrahedra(frames(positions, cell, elements), "P", "S")
    assert found.changed in (5 / 80, 10 / 80)  # the second P surely has another fourth S; the first may keep it


def swinging(wavenumber, amplitude, n_frames, interval, second=None):
    """One angle θ(t) = 60° + A sin: vertex at the origin, ends at unit distance, a fourth corner far off."""
    t = np.arange(n_frames) * interval
    theta = 60 + amplitude * np.sin(2 * np.pi * wavenumber / THZ_IN_PER_CM * t)
    if second is not None:
        theta = theta + second[1] * np.sin(2 * np.pi * second[0] / THZ_IN_PER_CM * t)
    x = np.zeros((n_frames, 4, 3))
    x[:, 1, 0] = 2.0
    x[:, 2, 0], x[:, 2, 1] = 2 * np.cos(np.radians(theta)), 2 * np.sin(np.radians(theta))
    x[:, 3, 2] = 2.0
    return frames(x + 10, np.eye(3) * 30, ["S"] * 4, interval), theta


def test_angular_velocity_of_a_sinusoid_and_its_damping():
    interval, wavenumber, amplitude = 0.005, 200.0, 3.0
    made, _ = swinging(wavenumber, amplitude, 6000, interval)
    one = Tetrahedra(np.array([[0, 1, 2, 3]]), None, "made")
    result = angle_distributions(made, one, reference=60.0, omega_max=1.0)
    x = 2 * np.pi * wavenumber / THZ_IN_PER_CM * interval
    speed = amplitude * 2 * np.pi * wavenumber / THZ_IN_PER_CM * 1e-3  # degrees/fs
    # of the angles of the corner set, only one moves by the full amplitude: compare the largest ω in the histogram
    assert result.parameters["damping_x"] == pytest.approx(x, rel=0.02)
    assert result.parameters["damping_of_top_mode"] == pytest.approx(np.sin(x) / x, rel=0.02)
    largest = np.abs(result.omega[result.rho_omega > 0]).max()
    assert largest == pytest.approx(speed * np.sin(x) / x, abs=0.006)
    np.testing.assert_allclose((result.rho_theta * 0.5).sum(), 1.0, atol=1e-12)
    np.testing.assert_allclose((result.rho_omega * 0.005).sum(), 1.0, atol=1e-12)
    assert result.parameters["omega_outside"] == 0


def test_moments_are_those_of_the_angles():
    rng = np.random.default_rng(1)
    positions, cell, elements = polyanions(400)
    made = frames(positions + rng.normal(0, 0.08, positions.shape), cell, elements)
    found = bonded_tetrahedra(made, "P", "S")
    theta = theta_of(made, found).ravel()
    result = angle_distributions(made, found)
    deviation = theta.std()
    assert result.values["theta mean"].value == pytest.approx(theta.mean(), rel=1e-9)
    assert result.values["theta standard deviation"].value == pytest.approx(deviation, rel=1e-9)
    centred = (theta - theta.mean()) / deviation
    assert result.values["theta skewness"].value == pytest.approx((centred**3).mean(), abs=1e-6)
    assert result.values["theta excess kurtosis"].value == pytest.approx((centred**4).mean() - 3, abs=1e-6)
    assert result.values["omega mean"].ci_low < 0 < result.values["omega mean"].ci_high
    mean_of_bins = (result.theta * result.rho_theta).sum() * 0.5
    assert mean_of_bins == pytest.approx(theta.mean(), abs=0.02)


def test_low_pass_keeps_the_slow_line_only():
    interval = 0.005
    made, _ = swinging(2.0, 4.0, 12_000, interval, second=(20.0, 3.0))  # 60 ps
    t = made.time
    slow = 60 + 4 * np.sin(2 * np.pi * 2.0 / THZ_IN_PER_CM * t)
    both = slow + 3 * np.sin(2 * np.pi * 20.0 / THZ_IN_PER_CM * t)
    kept = low_pass(both[:, None], interval, 5.0)[:, 0]
    middle = slice(len(t) // 10, -len(t) // 10)
    phases = 2 * np.pi * np.outer(t, [2.0, 20.0]) / THZ_IN_PER_CM
    lines = np.column_stack([np.ones(len(t)), np.sin(phases), np.cos(phases)])[middle]
    _, s2, s20, c2, c20 = np.linalg.lstsq(lines, kept[middle], rcond=None)[0]
    assert np.hypot(s2, c2) == pytest.approx(4, rel=0.01)
    assert np.hypot(s20, c20) < 0.01 * 3
    assert np.abs(kept[middle] - slow[middle]).max() < 0.1 * 4  # what the ends leave at the slow frequencies
    result = angle_distributions(made, Tetrahedra(np.array([[0, 1, 2, 3]]), None, "made"), filtered=True)
    assert np.isfinite(result.trace_filtered).all()
    with pytest.raises(InputError, match="three periods, 20 ps"):
        low_pass(both[:3000, None], interval, 5.0)
    with pytest.raises(InputError, match="positive cutoff"):
        low_pass(both[:, None], interval, 0.0)


def test_files_threads_and_sampling(tmp_path):
    rng = np.random.default_rng(2)
    positions, cell, elements = polyanions(60)
    made = frames(positions + rng.normal(0, 0.05, positions.shape), cell, elements)
    found = bonded_tetrahedra(made, "P", "S")
    one, four = angle_distributions(made, found, threads=1), angle_distributions(made, found, threads=4)
    assert one.rho_theta.tobytes() == four.rho_theta.tobytes()
    density = ion_density(made, "P", "S", "P", threads=1)
    assert density.counts.tobytes() == ion_density(made, "P", "S", "P", threads=3).counts.tobytes()
    for result, kind in ((one, AngleResult), (density, IonDensity)):
        result.write(tmp_path / "x.h5")
        again = kind.read(tmp_path / "x.h5")
        for field in dataclasses.fields(kind):
            a, b = getattr(result, field.name), getattr(again, field.name)
            if isinstance(a, np.ndarray):
                np.testing.assert_array_equal(a, b)
            else:
                assert a == b, field.name
    slow = angle_distributions(dataclasses.replace(made, time=made.time * 4), found)
    assert slow.values["omega standard deviation"].status == "undersampled"
    assert slow.values["theta mean"].status == "ok"
    with pytest.raises(InputError, match="time unknown"):
        angle_distributions(dataclasses.replace(made, time=None), found)
    with pytest.raises(InputError, match="theta_bin"):
        angle_distributions(made, found, theta_bin=0.7)


def test_ideal_gas_of_ions_is_flat_in_the_reduced_map():
    rng = np.random.default_rng(3)
    positions, cell, elements = polyanions(40)
    ions = rng.uniform(0, 16, (40, 400, 3))
    made = frames(np.concatenate([positions, ions], axis=1), cell, elements + ["Li"] * 400)
    result = ion_density(made, "P", "S", "Li", dr=0.5, dphi=10.0)
    assert (result.density * 0.5 * 10).sum() == pytest.approx(1.0, abs=1e-12)
    expected = result.counts / result.reduced
    pull = (result.reduced - 1) * np.sqrt(expected)
    assert np.abs(pull).max() < 5
    assert 0.7 < pull.std() < 1.5
    assert np.abs(result.values["phi of the maximum"].value - 90) < 35  # geometry alone


def test_planted_ion_lands_in_one_bin():
    positions, cell, elements = polyanions(3)
    ligand, centre = positions[0, 8], positions[0, 0]
    bond = 2.05 * CORNERS[0]
    across = np.cross(bond, [0, 0, 1.0])
    across /= np.linalg.norm(across)
    away = bond / np.linalg.norm(bond)
    angle = np.radians(100.5)
    ion = ligand + 2.525 * (-away * np.cos(angle) + across * np.sin(angle))
    assert np.linalg.norm(ligand - centre) == pytest.approx(2.05)
    planted = np.concatenate([positions, np.tile(ion % 16.0, (3, 1, 1))], axis=1)
    result = ion_density(frames(planted, cell, [*elements, "Li"]), "P", "S", "Li", r_max=3.0, r_min=2.0)
    near = result.r < 2.75  # the other ligands of this unit are farther from the ion
    ((i, j),) = np.argwhere(result.counts[near])
    assert (result.r[i], result.phi[j]) == (pytest.approx(2.525), pytest.approx(100.5))
    assert result.counts[i, j] == 3
    with pytest.raises(InputError, match="no Li between"):
        ion_density(frames(planted, cell, [*elements, "Li"]), "P", "S", "Li", r_max=2.1, r_min=2.0)
    with pytest.raises(InputError, match="bins that divide"):
        ion_density(frames(planted, cell, [*elements, "Li"]), "P", "S", "Li", dphi=7.0)
