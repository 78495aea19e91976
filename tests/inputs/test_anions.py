"""Anion census and broken bonds on molecules and motions with known answers."""

import numpy as np
import pytest
from ase import Atoms

from ufpnmr.dynamics.anions import anion_census, broken_bonds
from ufpnmr.errors import InputError

BOND = 2.05
TETRAHEDRON = BOND / np.sqrt(3.0) * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])


def in_box(symbols, positions, shift=(0.0, 0.0, 0.0)):
    return Atoms(symbols, positions=np.asarray(positions) + shift, cell=[20.0] * 3, pbc=True)


def ps4(centre=(0.0, 0.0, 0.0)):
    return np.concatenate([[centre], TETRAHEDRON + centre])


def molecules():
    second = 2.0 * TETRAHEDRON[0]  # P on the other side of the first S
    ps4_atoms = in_box("PS4", ps4())
    p2s7 = in_box("PS4PS3", np.concatenate([ps4(), [second], second - TETRAHEDRON[1:]]))
    # P-P bond of 2.25 Å: each P keeps three S
    shift = TETRAHEDRON[0] * 2.25 / BOND
    p2s6 = in_box("PS3PS3", np.concatenate([[[0, 0, 0]], TETRAHEDRON[1:], [shift], shift - TETRAHEDRON[1:]]))
    alone = in_box("PS4S", np.concatenate([ps4(), [[8.0, 8.0, 8.0]]]))
    return [
        (ps4_atoms, {"PS4": 1}, 0.0, 0.0),
        (p2s7, {"P2S7": 1}, 0.0, 1 / 7),
        (p2s6, {"P2S6": 1}, 0.0, 0.0),
        (alone, {"PS4": 1, "S": 1}, 1 / 5, 0.0),
    ]


@pytest.mark.parametrize(("atoms", "anions", "free", "bridging"), molecules())
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (19.7, 0.4, 10.0)])
def test_known_anions(atoms, anions, free, bridging, shift):
    moved = atoms.copy()
    moved.positions += shift
    moved.wrap()
    census = anion_census(moved)
    assert census.anions == anions
    assert census.free_sulphur == pytest.approx(free)
    assert census.bridging_sulphur == pytest.approx(bridging)
    assert sum(census.phosphorus.values()) == pytest.approx(1.0)


def test_lithium_is_no_part_of_an_anion():
    atoms = in_box("PS4Li", np.concatenate([ps4(), [TETRAHEDRON[0] + [0.0, 0.0, 2.2]]]))
    assert anion_census(atoms).anions == {"PS4": 1}


def test_census_needs_phosphorus_and_a_cutoff():
    with pytest.raises(InputError, match="expected P and S atoms, found Li"):
        anion_census(in_box("Li", [[0, 0, 0]]))
    with pytest.raises(InputError, match="positive bond cutoff"):
        anion_census(in_box("PS4", ps4()), cutoff=-1.0)


def trajectory(stretch, drift=0.0, n_frames=200):
    """One PS4 across the boundary whose first bond has length `stretch(time)`; 0.05 ps between frames."""
    time = 0.05 * np.arange(n_frames)
    positions = np.repeat(ps4((0.1, 0.1, 0.1))[None], n_frames, axis=0)
    positions[:, 1] = 0.1 + TETRAHEDRON[0] / BOND * stretch(time)[:, None]
    positions[:, 2] += [0.0, 20.0, 0.0]  # another periodic image from the start
    positions = positions + drift * time[:, None, None]
    cell = np.repeat(20.0 * np.eye(3)[None], n_frames, axis=0)
    return time, positions, cell, np.array(["P", "S", "S", "S", "S"])


def test_vibration_breaks_nothing():
    result = broken_bonds(*trajectory(lambda t: 2.05 + 1.2 * np.sin(2 * np.pi * t / 0.2), drift=3.0))
    assert len(result.bonds) == 4
    assert result.n_broken == 0
    assert np.all(result.longest_mean < 2.3)


def test_bond_breaks_when_its_mean_passes_the_limit():
    # length 2 until 5 ps, then 4: the mean of 20 frames exceeds 3 with 11 of them at 4
    result = broken_bonds(*trajectory(lambda t: np.where(t < 4.999, 2.0, 4.0)))
    assert result.n_broken == 1
    broken = np.isfinite(result.time_broken)
    assert result.bonds[broken].tolist() == [[0, 1]]
    # the first such window starts at frame 100 + 11 - 20 and is centred 9.5 frames later
    assert result.time_broken[broken][0] == pytest.approx(0.05 * (91 + 9.5))
    assert result.longest_mean[broken][0] == pytest.approx(4.0)


def test_window_must_fit():
    with pytest.raises(InputError, match=r"window 0\.01 ps"):
        broken_bonds(*trajectory(lambda t: 2.05 + 0 * t), window=0.01)
    with pytest.raises(InputError, match="window 50 ps"):
        broken_bonds(*trajectory(lambda t: 2.05 + 0 * t), window=50.0)
    with pytest.raises(InputError, match="at least 2 frames"):
        broken_bonds(*(a[:1] if len(a) == 200 else a for a in trajectory(lambda t: 2.05 + 0 * t)))
