"""The core's neighbour search against ASE's."""

import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import neighbor_list as ase_neighbor_list
from ufpnmr._core import DomainError, neighbor_list

CELLS = {
    "orthorhombic": np.diag([7.0, 8.0, 9.0]),
    "triclinic": np.array([[7.0, 0.4, -0.3], [3.1, 8.0, 0.2], [-2.5, 2.0, 9.0]]),
    "smaller than the cutoff": np.array([[2.4, 0.0, 0.0], [1.1, 2.6, 0.0], [0.9, -1.2, 2.2]]),
    "left-handed": np.diag([7.0, 8.0, -9.0]),
}


def table(i, j, shift, distance):
    return sorted(zip(i.tolist(), j.tolist(), map(tuple, shift.tolist()), distance.round(10).tolist(), strict=True))


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("pbc", [(1, 1, 1), (0, 0, 0), (1, 0, 1), (0, 1, 0)], ids=str)
def test_equal_to_ase(cell, pbc):
    generator = np.random.default_rng(5)
    atoms = Atoms("Li40", positions=(2 * generator.random((40, 3)) - 0.5) @ cell, cell=cell, pbc=pbc)
    i, j, shift, displacement, distance = neighbor_list(atoms.positions, cell, atoms.pbc, 3.9)
    reference = ase_neighbor_list("ijSd", atoms, 3.9)
    assert len(i) == len(reference[0])
    assert table(i, j, shift, distance) == table(*reference)
    np.testing.assert_allclose(displacement, atoms.positions[j] - atoms.positions[i] + shift @ cell, rtol=0, atol=1e-13)


def test_number_of_neighbours_of_bcc():
    cell = np.eye(3) * 3.3
    i, *_ = neighbor_list([[0, 0, 0], [1.65, 1.65, 1.65]], cell, [True] * 3, 3.31)
    assert np.bincount(i).tolist() == [14, 14]


def test_refusals():
    with pytest.raises(DomainError, match="cutoff above 0"):
        neighbor_list(np.zeros((1, 3)), np.eye(3), [True] * 3, -1.0)
    with pytest.raises(DomainError, match="span no volume"):
        neighbor_list(np.zeros((1, 3)), np.zeros((3, 3)), [True, False, False], 1.0)
    with pytest.raises(DomainError, match="atom 1 has a position that is not finite"):
        neighbor_list([[0, 0, 0], [0, np.inf, 0]], np.eye(3), [True] * 3, 1.0)
