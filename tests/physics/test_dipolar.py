"""Second moments: lattice sums, published values, abundance, orientation."""

import math

import numpy as np
import pytest
from ase.build import bulk

from ufpnmr.errors import InputError
from ufpnmr.nmr.dipolar import magnet, second_moment
from ufpnmr.nmr.quadrature import sphere_rule

CAF2 = bulk("CaF2", "fluorite", a=5.451, cubic=True)


def moment(atoms, nucleus, **kwargs):
    return second_moment(atoms.cell.array, atoms.positions, atoms.get_chemical_symbols(), nucleus, **kwargs)


def test_simple_cubic_sum():
    """Σ r⁻⁶ = 8.4019 a⁻⁶, so M2 = (3/5)(μ0/4π)²γ⁴ħ² 3/4 · 8.4019/a⁶ for spin 1/2."""
    gamma, hbar, a = magnet("19F").gyromagnetic_ratio * 1e7, 1.054571817e-34, 2.7255e-10
    exact = 0.6 * 1e-14 * gamma**4 * hbar**2 * 0.75 * 8.40192 / a**6
    found = second_moment(np.eye(3) * a * 1e10, [[0, 0, 0]], ["F"], "19F")
    assert found.total == pytest.approx(exact, rel=2e-5)
    assert list(found.parts) == ["19F"]


@pytest.mark.parametrize(("direction", "van_vleck"), [((0, 0, 1), 0.813), ((1, 1, 0), 0.313), ((1, 1, 1), None)])
def test_fluorite_single_crystal(direction, van_vleck):
    """Simple cubic 19F: a plain sum over a large cube; and 12.3 γ⁴ħ²I(I+1)d⁻⁶(Σλ⁴ - 0.187), van Vleck 1948."""
    n = np.arange(-40, 41)
    x, y, z = np.array(np.meshgrid(n, n, n)).reshape(3, -1)
    r2 = np.where((x == 0) & (y == 0) & (z == 0), np.inf, x**2 + y**2 + z**2)
    b = np.array(direction) / np.linalg.norm(direction)
    plain = 0.75 * np.sum((1 - 3 * (b[0] * x + b[1] * y + b[2] * z) ** 2 / r2) ** 2 / r2**3)
    gamma, hbar = magnet("19F").gyromagnetic_ratio * 1e7, 1.054571817e-34
    unit = 1e-14 * gamma**4 * hbar**2 * 0.75 / (5.451e-10 / 2) ** 6
    found = moment(CAF2, "19F", field=direction).parts["19F"] / unit
    assert found == pytest.approx(plain, rel=1e-4)
    if van_vleck is not None:
        assert found == pytest.approx(12.3 * van_vleck, rel=0.02)


def test_powder_is_the_average_over_directions():
    points, weights = sphere_rule(5)
    average = sum(w * moment(CAF2, "19F", field=b).total for b, w in zip(points, weights, strict=True))
    assert moment(CAF2, "19F").total == pytest.approx(average, rel=1e-6)


def test_unlike_spins_count_four_ninths_and_with_their_abundance():
    cell, positions = np.eye(3) * 4.0, [[0, 0, 0], [2, 2, 2]]
    found = second_moment(cell, positions, ["Li", "P"], "7Li")
    enriched = {"7Li": 1.0, "6Li": 0.0}
    alone = second_moment(cell, positions, ["Li", "Li"], "7Li", abundances=enriched)
    li, p = magnet("7Li"), magnet("31P")
    cubic = second_moment(cell, [[0, 0, 0]], ["Li"], "7Li", abundances=enriched)
    between = alone.total - cubic.total  # the other sublattice, as like spins
    ratio = 4 / 9 * (p.gyromagnetic_ratio / li.gyromagnetic_ratio) ** 2 * 0.75 / 3.75
    assert found.parts["31P"] == pytest.approx(ratio * between, rel=1e-9)
    assert found.parts["7Li"] == pytest.approx(0.9241 * cubic.total, rel=1e-9)
    six = second_moment(cell, [[0, 0, 0]], ["Li"], "6Li", others=["6Li", "7Li"])
    gammas = (li.gyromagnetic_ratio / magnet("6Li").gyromagnetic_ratio) ** 2
    assert six.parts["7Li"] / six.parts["6Li"] == pytest.approx(4 / 9 * gammas * 3.75 / 2 * 0.9241 / 0.0759)
    assert found.width == pytest.approx(math.sqrt(found.total) / 2e3 / math.pi)
    assert "1/√M2" in str(found)


def test_cutoff_does_not_matter():
    values = [moment(CAF2, "19F", cutoff=c).total for c in (15.0, 30.0)]
    assert values[0] == pytest.approx(values[1], rel=1e-3)


def test_bad_input():
    with pytest.raises(InputError, match="no magnetic nucleus"):
        moment(CAF2, "32S")
    with pytest.raises(InputError, match="no Li in the structure; found Ca, F"):
        moment(CAF2, "7Li")
    with pytest.raises(InputError, match="Å apart"):
        second_moment(np.eye(3) * 5, [[0, 0, 0], [0.1, 0, 0]], ["Li", "Li"])
    with pytest.raises(InputError, match="volume"):
        second_moment(np.zeros((3, 3)), [[0, 0, 0]], ["Li"])
