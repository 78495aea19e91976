"""Spin dynamics of the echo against a literal simulation, prefactors of the literature, and the sphere rules."""

import math

import numpy as np
import pytest
from scipy.linalg import expm

from ufpnmr.errors import InputError
from ufpnmr.isotopes import isotope
from ufpnmr.nmr import levels, omega_q
from ufpnmr.nmr.quadrature import echo_degree, sphere_rule
from ufpnmr.nmr.spin import (
    MAGIC_ANGLE,
    echo_sequence,
    evolve,
    quadrupolar_levels,
    rotation,
    spin_matrices,
)


@pytest.mark.parametrize("spin", [0.5, 1, 1.5, 2.5, 3])
def test_angular_momentum_and_rotations(spin):
    x, y, z = spin_matrices(spin)
    np.testing.assert_allclose(x @ y - y @ x, 1j * z, atol=1e-13)
    np.testing.assert_allclose(x @ x + y @ y + z @ z, spin * (spin + 1) * np.eye(len(x)), atol=1e-13)
    turned = rotation(spin, 90, 90) @ z @ rotation(spin, 90, 90).conj().T
    np.testing.assert_allclose(turned, x, atol=1e-13)


@pytest.mark.parametrize("name", ["7Li", "6Li", "27Al", "10B", "43Ca"])
def test_levels_are_those_of_the_frequencies(name):
    V = np.array([[0.1, 0.2, 0.3], [0.2, -0.4, 0.1], [0.3, 0.1, 0.3]])
    nucleus = isotope(name)
    satellite = omega_q(V, nucleus, convention="satellite")
    np.testing.assert_allclose(levels(V, nucleus), quadrupolar_levels(nucleus.spin) * satellite, rtol=1e-12)


def test_hamiltonian_of_the_levels():
    """ω_Q/6 (3 Iz² - I²) for I = 3/2, so that a satellite is at ω (spec efg 5.4)."""
    x, y, z = spin_matrices(1.5)
    hamiltonian = (3 * z @ z - (x @ x + y @ y + z @ z)) / 6
    np.testing.assert_allclose(np.diag(hamiltonian).real, quadrupolar_levels(1.5), atol=1e-14)
    propagator = expm(-1j * 0.7 * hamiltonian)
    np.testing.assert_allclose(propagator @ x @ propagator.conj().T, evolve(x, 0.7), atol=1e-14)


@pytest.mark.parametrize(
    ("spin", "name", "angle", "prefactor"),
    [
        (1.5, "sin-sin", 45, 9 / 20),
        (1, "sin-sin", 45, 3 / 4),
        (1, "sin-sin", MAGIC_ANGLE, 2 / 3),
        (1, "cos-cos", MAGIC_ANGLE, 2 / 3),
    ],
)
def test_prefactors_of_the_literature(spin, name, angle, prefactor):
    sequence = echo_sequence(spin, name, angle)
    assert sequence.prefactor == pytest.approx(prefactor, rel=1e-12)
    assert sequence.functions == ((name[:3], 1),)


def test_defaults():
    assert echo_sequence(1.5).angle == 45
    assert echo_sequence(1, "cos-cos").angle == MAGIC_ANGLE
    # β with cos² β = 1/5: only Zeeman order, (2/5 + 3/5 cos φp)(2/5 + 3/5 cos φd) sin² β
    c = np.array([0.4, 0.6])
    sequence = echo_sequence(1.5, "cos-cos")
    assert sequence.functions == (("cos", 0), ("cos", 1))
    np.testing.assert_allclose(sequence.matrix, 0.8 * np.outer(c, c), atol=1e-14)
    assert sequence.formula == "0.128 + 0.192 cos φd + 0.192 cos φp + 0.288 cos φp cos φd"


def phase_cycled(spin, name, angle, phase_p, phase_d):
    """The experiment step by step: during tm coherences dephase; two steps of the cycle separate even and odd ranks."""
    x, _, z = spin_matrices(spin)
    total = 0.0
    for sign in (1, -1):  # the inverted second pulse changes the sign of odd ranks made from Ix-like states
        first = rotation(spin, 90, 90)
        density = evolve(first @ z @ first.conj().T, phase_p)
        pulse = rotation(spin, sign * angle, 0 if name == "sin-sin" else 90)
        density = np.diag(np.diag(pulse @ density @ pulse.conj().T))
        pulse = rotation(spin, angle, 0 if name == "sin-sin" else 90)
        density = evolve(pulse @ density @ pulse.conj().T, phase_d)
        total += sign * np.trace(density @ x).real / np.trace(x @ x).real / 2
    return total


@pytest.mark.parametrize("spin", [1, 1.5, 2.5, 3])
@pytest.mark.parametrize("name", ["sin-sin", "cos-cos"])
@pytest.mark.parametrize("angle", [30.0, 45.0, 70.0])
def test_signal_is_that_of_the_pulses(spin, name, angle):
    sequence = echo_sequence(spin, name, angle)
    random = np.random.default_rng(5)
    phases = random.uniform(-4, 4, (2, 6))
    expected = np.array([phase_cycled(spin, name, angle, *pair) for pair in phases.T])
    found = sequence.signal(*phases)
    sign = math.copysign(1, expected @ found)
    np.testing.assert_allclose(found, sign * expected, atol=1e-12)


def test_octupolar_order_adds_terms_that_the_constant_feels():
    """At 45° both T10 and T30 travel: the matrix has rank 2."""
    values, _ = echo_sequence(1.5, "cos-cos", 45.0).factors()
    assert len(values) == 2


def test_bad_sequences_are_refused():
    with pytest.raises(InputError, match="did you mean 'sin-sin'"):
        echo_sequence(1.5, "sinsin")
    with pytest.raises(InputError, match="between 0 and 180"):
        echo_sequence(1.5, "sin-sin", 200.0)
    with pytest.raises(InputError, match="at least 1"):
        echo_sequence(0.5)
    with pytest.raises(InputError, match="no signal"):
        echo_sequence(1.5, "sin-sin", 90.0)


def legendre_moment(points, weights, degree):
    """Average of (b·n)^degree over b, 1/(degree + 1) for even degree."""
    axis = np.array([0.36, -0.48, 0.8])
    return weights @ (points @ axis) ** degree


@pytest.mark.parametrize("degree", [3, 27, 33, 131, 132, 180])
def test_sphere_rules_are_exact_to_their_degree(degree):
    points, weights = sphere_rule(degree)
    assert weights.sum() == pytest.approx(1, abs=1e-13)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-13)
    for power in range(2, degree + 1, max(2, degree // 8 * 2)):
        assert legendre_moment(points, weights, power) == pytest.approx(1 / (power + 1), rel=1e-9)
    assert len(points) < degree**2 / 4 + degree + 10 or degree > 131


@pytest.mark.parametrize(("coupling", "pulse"), [(100e3, 10e-6), (100e3, 30e-6), (300e3, 10e-6)])
@pytest.mark.parametrize("accuracy", [1e-4, 1e-6, 1e-8])
def test_degree_gives_the_accuracy(coupling, pulse, accuracy):
    def average(degree):
        b, w = sphere_rule(degree)
        phase = math.pi * coupling / 2 * pulse * (3 * b[:, 2] ** 2 - 1 - 0.4 * (b[:, 0] ** 2 - b[:, 1] ** 2))
        other = math.pi * coupling / 2 * pulse * (3 * b[:, 0] ** 2 - 1 - 0.4 * (b[:, 1] ** 2 - b[:, 2] ** 2))
        return w @ (np.sin(phase) * np.sin(other))

    degree = echo_degree(math.pi * coupling * pulse, accuracy)
    assert average(degree) == pytest.approx(average(171), abs=accuracy)


def test_degree_of_the_specification():
    """100 kHz, tp = td = 10 µs: degrees 26, 32, 38; the next rules with positive weights have 302, 434, 590 points."""
    degrees = [echo_degree(math.pi, accuracy) for accuracy in (1e-4, 1e-6, 1e-8)]
    assert degrees == [26, 32, 38]
    assert [2 * len(sphere_rule(d)[0]) for d in degrees] == [302, 434, 590]
    for degree in range(1, 132):
        assert sphere_rule(degree)[1].min() > 0
    with pytest.raises(InputError):
        echo_degree(1.0, 0.0)
