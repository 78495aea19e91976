"""Relaxation rates: known values, the fast limit, a random jump process evolved exactly, statuses."""

import math

import numpy as np
import pytest
from scipy.linalg import block_diag, expm

from processes import KAPPA, axial, series, site_jumps
from ufpnmr.errors import InputError
from ufpnmr.isotopes import isotope
from ufpnmr.nmr import correlate
from ufpnmr.nmr.redfield import fast_limit, longitudinal, quadrupole_operators, spin_locked, transverse
from ufpnmr.nmr.relaxation import relaxation, spectral_density
from ufpnmr.nmr.spin import spin_matrices
from ufpnmr.results.relaxation import RelaxationResult


def test_known_redfield_rates():
    """J = 1, 0.3, 0.05 (spec efg 9)."""
    z, x = longitudinal(1.5, [1, 0.3, 0.05]), transverse(1.5, [1, 0.3, 0.05])
    np.testing.assert_allclose(z.rates, [0.1, 0.6], rtol=1e-12)
    np.testing.assert_allclose(z.weights, [0.8, 0.2], rtol=1e-12)
    np.testing.assert_allclose(x.rates, [1.3, 0.35], rtol=1e-12)
    np.testing.assert_allclose(x.weights, [0.6, 0.4], rtol=1e-12)
    assert z.initial == pytest.approx(2 / 5 * (0.3 + 4 * 0.05))


def test_spin_one_closed_forms():
    """R1 = (3/2)(J1 + 4 J2), R2 = (3/4)(3 J0 + 5 J1 + 2 J2): Abragam VIII in these densities."""
    j = np.array([1.0, 0.3, 0.05])
    assert longitudinal(1, j).rates == pytest.approx(1.5 * (j[1] + 4 * j[2]))
    assert transverse(1, j).rates == pytest.approx(0.75 * (3 * j[0] + 5 * j[1] + 2 * j[2]))


@pytest.mark.parametrize("spin", [1, 1.5, 2.5, 3, 3.5])
def test_fast_limit(spin):
    j = [0.7] * 3
    for found in (longitudinal(spin, j), transverse(spin, j), spin_locked(spin, j, j)):
        assert found.initial == pytest.approx(fast_limit(spin, 0.7), rel=1e-12)
        assert found.rates[0] == pytest.approx(fast_limit(spin, 0.7), rel=1e-9)
        assert found.weights[0] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("spin", "prefactor"), [(1.5, 2 * math.pi**2 / 5), (1, 3 * math.pi**2 / 2)])
def test_fast_limit_in_terms_of_the_coupling(spin, prefactor):
    """(2π²/5) or (3π²/2) C_Q² (1 + η²/3) τ: J = π²/5 C_Q² (1 + η²/3) τ."""
    c_q, eta, tau = 100e3, 0.4, 1e-9
    density = math.pi**2 / 5 * c_q**2 * (1 + eta**2 / 3) * tau
    assert fast_limit(spin, density) == pytest.approx(prefactor * c_q**2 * (1 + eta**2 / 3) * tau)


def test_rates_of_the_specification():
    """C_Q 100 kHz, η 0, isotropic τ 46 ns, ν0 116.6 MHz."""
    tau, omega = 46e-9, 2 * math.pi * 116.6e6
    j = [math.pi**2 / 5 * 1e10 * tau / (1 + (k * omega * tau) ** 2) for k in range(3)]
    assert 2 * j[0] == pytest.approx(1816.01, abs=0.005)
    np.testing.assert_allclose(sorted(longitudinal(1.5, j).rates), [0.3997, 1.5976], atol=5e-5)
    np.testing.assert_allclose(transverse(1.5, j).rates, [908.80, 0.9986], atol=5e-3)


def icosahedron():
    """Six axes: averages of fourth order over them are those over the sphere."""
    golden = (1 + math.sqrt(5)) / 2
    axes = np.array([[0, 1, golden], [0, 1, -golden], [1, golden, 0], [1, -golden, 0], [golden, 0, 1], [-golden, 0, 1]])
    return axes / np.linalg.norm(axes[0])


def hamiltonians(spin, size):
    """Axial tensors of V_zz = `size` rad/s (eQ/ħ = 1) along the six axes; their five components too."""
    x, y, z = spin_matrices(spin)
    scale, out, secular = 1 / (2 * spin * (2 * spin - 1)), [], []
    for b in icosahedron():
        along = b[0] * x + b[1] * y + b[2] * z
        out.append(scale * size * 1.5 * (along @ along - spin * (spin + 1) / 3 * np.eye(len(x))))
        v0 = size * (3 * b[2] ** 2 - 1) / 2 * math.sqrt(1.5)
        secular.append(scale * v0 * quadrupole_operators(spin)[2])
    return np.array(out), np.array(secular)


def evolve_jumping(hamiltonian, static, start, watched, step, n_steps, stay):
    """Ensemble average of tr(ρ watched) when the tensor jumps at random: the density matrix of each orientation."""
    states = len(hamiltonian)
    propagators = [expm(-1j * step * (h + static)) for h in hamiltonian]
    jumps = stay * np.eye(states) + (1 - stay) / states
    one_step = block_diag(*[np.kron(u, u.conj()) for u in propagators]) @ np.kron(jumps, np.eye(start.size))
    stride = np.linalg.matrix_power(one_step, n_steps // SAMPLES)
    density = np.tile(start.ravel() / states, states)
    out = np.empty(SAMPLES + 1, dtype=complex)
    for t in range(SAMPLES + 1):
        out[t] = np.trace(density.reshape(states, *start.shape).sum(axis=0) @ watched)
        density = stride @ density
    return np.arange(SAMPLES + 1) * (n_steps // SAMPLES) * step, out / out[0]


SIZE, TAU, STEP, SAMPLES = 0.25, 1.0, 0.1, 20


def lorentzian(omega):
    return SIZE**2 * 1.5 / 30 * TAU / (1 + (omega * TAU) ** 2)


def expected(components, time):
    return np.exp(-np.outer(time, components.rates)) @ components.weights


@pytest.mark.parametrize("spin", [1, 1.5, 2.5])
@pytest.mark.parametrize("omega0", [0.5, 1.5])
def test_against_the_density_matrix_of_a_random_jump_process(spin, omega0):
    """Iz and I+ in the laboratory frame, every term of H kept; Redfield theory is second order in ω τ."""
    x, y, z = spin_matrices(spin)
    full, _ = hamiltonians(spin, SIZE)
    stay = math.exp(-STEP / TAU)
    j = [lorentzian(0), lorentzian(omega0), lorentzian(2 * omega0)]
    cases = [(z, z, longitudinal(spin, j))]
    if omega0 * TAU <= 0.5 or spin == 1:
        # At higher fields the second-order shifts, which rates do not contain, dephase the transitions of I > 1.
        cases.append((x, x + 1j * y, transverse(spin, j)))
    for start, watched, theory in cases:
        n_steps = int(1.2 / theory.initial / STEP)
        time, found = evolve_jumping(full, omega0 * z, start, watched, STEP, n_steps, stay)
        np.testing.assert_allclose(np.abs(found), expected(theory, time), atol=0.012)
        assert abs(found[-1]) < 0.5


@pytest.mark.parametrize(("elements", "component"), [([(1, 2)], 1), ([(0, 1), (2, 3)], 0)])
def test_satellites_and_central_line_each_relax_as_a_whole(elements, component):
    """I = 3/2 at ω0 τ = 1.5: each line on its own, where a shift does not matter."""
    full, _ = hamiltonians(1.5, SIZE)
    _, _, z = spin_matrices(1.5)
    line = np.zeros((4, 4), dtype=complex)
    for a, b in elements:
        line[a, b] = 1
    theory = transverse(1.5, [lorentzian(0), lorentzian(1.5), lorentzian(3.0)])
    n_steps = int(1.2 / theory.rates[component] / STEP)
    time, found = evolve_jumping(full, 1.5 * z, line, line.conj().T, STEP, n_steps, math.exp(-STEP / TAU))
    np.testing.assert_allclose(np.abs(found), np.exp(-theory.rates[component] * time), atol=0.012)


@pytest.mark.parametrize("spin", [1, 1.5, 2.5])
@pytest.mark.parametrize("omega1", [0.3, 1.0])
def test_spin_lock_against_the_density_matrix(spin, omega1):
    """Rotating frame at infinite field: only the part of H that commutes with Iz."""
    x, _, _ = spin_matrices(spin)
    _, secular = hamiltonians(spin, SIZE)
    theory = spin_locked(spin, [lorentzian(0), 0, 0], [lorentzian(0), lorentzian(omega1), lorentzian(2 * omega1)])
    n_steps = int(1.2 / theory.initial / STEP)
    time, found = evolve_jumping(secular, omega1 * x, x, x, STEP, n_steps, math.exp(-STEP / TAU))
    np.testing.assert_allclose(found.real, expected(theory, time), atol=0.012)
    assert found[-1].real < 0.5


def reorienting(rng, n_frames, n_ions, leaving, c_q=100.0):
    """Axial tensors that jump to a random direction: C(t) = C(0) (1 - p)^t with a zero mean."""
    axes = rng.standard_normal((n_frames, n_ions, 3))
    jumps = rng.random((n_frames, n_ions)) < leaving
    jumps[0] = True
    last = np.maximum.accumulate(np.where(jumps, np.arange(n_frames)[:, None], 0), axis=0)
    b = np.take_along_axis(axes, last[..., None], axis=0)
    b /= np.linalg.norm(b, axis=-1, keepdims=True)
    x, y, z = np.moveaxis(b, -1, 0)
    v = np.stack([x * x - 1 / 3, y * y - 1 / 3, z * z - 1 / 3, x * y, x * z, y * z], axis=-1)
    return (1.5 * c_q / KAPPA * v).astype(np.float32)


def test_rates_from_a_trajectory():
    """Isotropic jumps with τ = 100 ps sampled every 2 ps: J and the rates within their intervals."""
    rng = np.random.default_rng(1)
    p = 1 - math.exp(-1 / 50)
    curve = correlate(series(reorienting(rng, 8000, 60, p), 2.0), "powder", normalisation="raw")
    result = relaxation(curve, [0.5, 2.35], spin_lock=[50.0])
    tau = 100e-12
    for f, larmor in enumerate(result.larmor):
        omega = 2e6 * math.pi * larmor
        exact = np.array([math.pi**2 / 5 * 1e10 * tau / (1 + (k * omega * tau) ** 2) for k in range(3)])
        assert np.all(result.density_low[f] < exact)
        assert np.all(exact < result.density_high[f])
        field = result.field[f]
        r1 = result.rates[f"R1, {field:g} T"]
        assert r1.ci_low < longitudinal(1.5, exact).initial < r1.ci_high
        locked = result.rates[f"R1rho(50 kHz), {field:g} T"]
        assert locked.ci_low < fast_limit(1.5, exact[0]) * 1.2
    assert result.status == "ok"
    assert result.larmor[1] == pytest.approx(2.35 * isotope("7Li").larmor_mhz_per_tesla)
    assert result.mean_time.ci_low < 0.1 < result.mean_time.ci_high
    assert result.static < 10
    assert result.redfield == pytest.approx(math.pi * 1e3 * math.sqrt(2e3) * 100e-12, rel=0.1)


def test_static_part_does_not_relax():
    """A static tensor on top of the moving one adds nothing to J and is reported."""
    rng = np.random.default_rng(2)
    moving = reorienting(rng, 6000, 40, 0.05)
    still = axial(np.full((1, 40), 200.0)).astype(np.float32)
    alone, both = (correlate(series(v, 2.0), "powder") for v in (moving, moving + still))
    alone, both = relaxation(alone, [1.0]), relaxation(both, [1.0])
    assert both.density[0, 0] == pytest.approx(alone.density[0, 0], rel=0.25)
    assert both.static == pytest.approx(0.5 * 200 * math.sqrt(1 / 5), rel=0.05)
    assert any("do not average out" in w for w in both.warnings)


def test_undersampled_fields_are_refused():
    rng = np.random.default_rng(3)
    curve = correlate(series(reorienting(rng, 2000, 20, 0.05), 1e3), "powder")
    result = relaxation(curve, [0.01, 9.4])
    assert result.rates["R1, 9.4 T"].status == "undersampled"
    assert result.rates["R1, 9.4 T"].value is None
    assert result.rates["R1, 0.01 T"].value is not None


def test_slow_motion_keeps_r1_only():
    rng = np.random.default_rng(4)
    curve = correlate(series(reorienting(rng, 2000, 20, 0.05), 2e5), "powder")
    result = relaxation(curve, [1e-5])
    assert result.redfield > 0.1
    assert result.rates["R1, 1e-05 T"].status in ("ok", "few_events")
    assert result.rates["R2, 1e-05 T"].status == "slow_motion"


def test_nothing_fluctuates_measurably():
    rng = np.random.default_rng(5)
    result = relaxation(correlate(series(axial(50 + rng.standard_normal((1000, 20)))), "powder"), [9.4])
    assert result.status == "no_decay"
    assert all(record.value is None for record in result.rates.values())


def test_maxima_of_an_arrhenius_process():
    """R1 has its maximum where ω0 τ = 0.616, R1ρ where ω1 τ is about 0.5; both from three temperatures."""
    from ufpnmr.nmr.relaxation_maxima import relaxation_maxima
    from ufpnmr.units import BOLTZMANN_EV

    rng = np.random.default_rng(8)
    kelvin, energy, tau0 = [350.0, 400.0, 500.0], 0.3, 2e-3  # ps
    results = []
    for t in kelvin:
        tau = tau0 * math.exp(energy / (BOLTZMANN_EV * t))
        curve = correlate(series(reorienting(rng, 2000, 40, 1 - math.exp(-0.03)), 0.03 * tau), "powder")
        results.append(relaxation(curve, [9.4], spin_lock=[40.0], replicas=20))
    found = relaxation_maxima(results, kelvin)
    assert found.activation.ci_low < energy < found.activation.ci_high
    omega0 = 2e6 * math.pi * 9.4 * isotope("7Li").larmor_mhz_per_tesla
    exact = energy / (BOLTZMANN_EV * math.log(0.6158 / omega0 / (tau0 * 1e-12)))
    peak = found.maxima["R1, 9.4 T"]
    assert peak.ci_low < exact < peak.ci_high
    assert peak.value == pytest.approx(exact, rel=0.03)
    locked = found.maxima["R1rho(40 kHz), 9.4 T"]
    assert locked.value < 0.7 * peak.value
    assert any("R1rho(40 kHz), 9.4 T" in w and "extrapolated" in w for w in found.warnings)
    assert found.rate.shape == (2, len(found.temperature))
    with pytest.raises(InputError, match="at least two different"):
        relaxation_maxima(results[:2], [300.0, 300.0])


def test_read_and_write(tmp_path):
    rng = np.random.default_rng(6)
    result = relaxation(correlate(series(reorienting(rng, 1000, 10, 0.05)), "powder"), [1.0, 2.0])
    for name in ("relax.json", "relax.h5"):
        result.write(tmp_path / name)
        back = RelaxationResult.read(tmp_path / name)
        np.testing.assert_allclose(back.density, result.density)
        assert back.rates["R1, 1 T"] == result.rates["R1, 1 T"]


def test_bad_input():
    rng = np.random.default_rng(7)
    s = series(reorienting(rng, 500, 5, 0.05))
    powder = correlate(s, "powder")
    for fields in ([], [0.0], [-1.0], [math.nan]):
        with pytest.raises(InputError, match="above zero in tesla"):
            relaxation(powder, fields)
    with pytest.raises(InputError, match="spin-lock fields above zero"):
        relaxation(powder, [1.0], spin_lock=[0.0])
    with pytest.raises(InputError, match="expected the powder correlation function"):
        relaxation(correlate(s), [1.0])
    with pytest.raises(InputError, match="with nothing removed"):
        spectral_density(correlate(s, normalisation="covariance"))
    with pytest.raises(InputError, match="none of them negative"):
        longitudinal(1.5, [1, -1, 1])
    with pytest.raises(InputError, match="at least 1"):
        longitudinal(0.5, [1, 1, 1])


AXES = np.eye(3)[:2]


def quarter_turns(rng, n_frames, n_ions, leaving, c_q=100.0):
    """Axial tensors that jump between the axes x and y, with vibrations of 1 %."""
    sites = site_jumps(rng, n_frames, n_ions, leaving)
    v = np.array([np.outer(axis, axis) - np.eye(3) / 3 for axis in AXES])[..., [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]]
    noise = 0.01 * rng.standard_normal((n_frames, n_ions, 6))
    noise[..., 2] = -noise[..., 0] - noise[..., 1]
    return (1.5 * c_q / KAPPA * (v[sites] + noise)).astype(np.float32)


def of_crystal(tensors, field):
    return [correlate(series(tensors, 2.0), name, field=field) for name in ("omega_q", "lab_1", "lab_2")]


def exact_crystal(field, c_q, tau, omega0):
    """J_m(m ω0): (2/3) π² κ² |ΔV_m|²/4 τ/(1 + (mω0τ)²), ΔV_m from spherical components in the frame of the field."""
    turn = np.linalg.qr(np.column_stack([field, [1.0, 0.2, 0.1], [0.0, 1.0, 0.3]]))[0][:, [1, 2, 0]]
    difference = 1.5e3 * c_q * turn.T @ (np.outer(AXES[0], AXES[0]) - np.outer(AXES[1], AXES[1])) @ turn
    squares = [
        1.5 * difference[2, 2] ** 2,
        difference[0, 2] ** 2 + difference[1, 2] ** 2,
        (difference[0, 0] - difference[1, 1]) ** 2 / 4 + difference[0, 1] ** 2,
    ]
    return [math.pi**2 * 2 / 3 * q / 4 * tau / (1 + (m * omega0 * tau) ** 2) for m, q in enumerate(squares)]


def test_crystal_depends_on_the_direction_of_the_field():
    """Jumps between x and y with τ = 100 ps: the field along z sees V_±2 alone, another direction all of V."""
    tensors = quarter_turns(np.random.default_rng(5), 6000, 60, (1 - math.exp(-1 / 50)) / 2)
    field = np.array([1.0, 2.0, 2.0]) / 3
    result = relaxation(of_crystal(tensors, field), [0.5])
    omega0 = 2e6 * math.pi * result.larmor[0]
    exact = np.array(exact_crystal(field, 100.0, 100e-12, omega0))
    assert np.all(result.density_low[0] < exact)
    assert np.all(exact < result.density_high[0])
    r1 = result.rates["R1, 0.5 T"]
    assert r1.ci_low < longitudinal(1.5, exact).initial < r1.ci_high
    assert "single crystal" in result.observable

    along = relaxation(of_crystal(tensors, [0.0, 0.0, 1.0]), [0.5])
    exact = np.array(exact_crystal(np.array([0.0, 0.0, 1.0]), 100.0, 100e-12, omega0))
    np.testing.assert_allclose(exact[:2], 0, atol=1e-20)
    r1 = along.rates["R1, 0.5 T"]
    assert r1.ci_low < longitudinal(1.5, exact).initial < r1.ci_high
    assert along.rates["R2, 0.5 T"].status == "no_decay"  # ω_Q is the same on both sites


def test_components_average_to_the_powder():
    """Each of the three is the powder curve once it is averaged over directions that are exact to fourth order."""
    tensors = quarter_turns(np.random.default_rng(6), 400, 8, 0.05)
    powder = correlate(series(tensors), "powder", normalisation="raw").mean
    for name in ("omega_q", "lab_1", "lab_2"):
        curves = [correlate(series(tensors), name, field=b, normalisation="raw").mean for b in icosahedron()]
        np.testing.assert_allclose(np.mean(curves, axis=0), powder, rtol=1e-4)


def test_three_curves_of_one_crystal_are_demanded():
    tensors = quarter_turns(np.random.default_rng(7), 400, 8, 0.05)
    curves = of_crystal(tensors, [0.0, 0.0, 1.0])
    with pytest.raises(InputError, match="for a crystal omega_q, lab_1, lab_2 in this order"):
        relaxation([curves[1], curves[0], curves[2]], [9.4])
    other = correlate(series(tensors, 2.0), "lab_2", field=[1.0, 0.0, 0.0])
    with pytest.raises(InputError, match="expected lab_2 of the same ions, isotope, convention and field"):
        relaxation([curves[0], curves[1], other], [9.4])
