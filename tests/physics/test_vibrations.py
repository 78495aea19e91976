"""Spectra and band centres: Langevin particles, a harmonic line, coarse positions."""

import dataclasses

import numpy as np
import pytest
from scipy import integrate
from scipy.signal import lfilter

from ufpnmr.dynamics import vibrational_density_of_states
from ufpnmr.dynamics.vdos import smooth
from ufpnmr.errors import InputError
from ufpnmr.results.vdos import VDOSResult
from ufpnmr.trajectory import Frames
from ufpnmr.units import BOLTZMANN_EV, EV_PER_U_ANGSTROM2_PER_PS2, THZ_IN_PER_CM

T = 300.0
LITHIUM = 6.94


def moving(velocities, interval, positions=None, walls=0):
    """Li atoms with given motion; `walls` lead atoms at rest keep the centre of mass where it is."""
    n_frames, n = (velocities if velocities is not None else positions).shape[:2]
    still = np.zeros((n_frames, walls, 3), dtype=np.float32)
    if positions is None:
        positions = np.zeros((n_frames, n, 3))
    return Frames(
        ids=np.arange(1, n + walls + 1),
        elements=np.array(["Li"] * n + ["Pb"] * walls),
        positions=np.concatenate([positions, np.zeros((n_frames, walls, 3))], axis=1),
        cell=np.tile(np.eye(3) * 20, (n_frames, 1, 1)),
        time=np.arange(n_frames) * interval,
        velocities=None if velocities is None else np.concatenate([velocities.astype(np.float32), still], axis=1),
        source="made.dump",
    )


def thermal(mass=LITHIUM, temperature=T):
    return np.sqrt(BOLTZMANN_EV * temperature / (mass * EV_PER_U_ANGSTROM2_PER_PS2))


def langevin(rng, n_frames, n, gamma, interval):
    keep = np.exp(-gamma * interval)
    kicks = rng.normal(0, thermal() * np.sqrt(1 - keep**2), (n_frames, n, 3))
    kicks[0] = rng.normal(0, thermal(), (n, 3))
    return lfilter([1.0], [1.0, -keep], kicks, axis=0)


def test_free_langevin_particles():
    """g = 12 N γ/(γ² + ω²), integral 3 N, g(0) = 12 N/γ = 12 m N D/(k_B T)."""
    rng = np.random.default_rng(1)
    n, gamma, interval = 50, 5.0, 0.005
    made = moving(langevin(rng, 40_000, n, gamma, interval), interval, walls=60)
    result = vibrational_density_of_states(made, elements=["Li"], temperature=T)
    g = result.g[0] * THZ_IN_PER_CM  # per THz
    omega = 2 * np.pi * result.nu / THZ_IN_PER_CM
    assert integrate.trapezoid(result.g[0], result.nu) == pytest.approx(3 * n, rel=0.005)
    assert g[:3].mean() == pytest.approx(12 * n / gamma, rel=0.03)
    expected = 12 * n * gamma / (gamma**2 + omega**2)
    near = omega < 60
    assert np.abs(g - expected)[near].max() < 0.08 * 12 * n / gamma
    np.testing.assert_allclose(result.vacf[0, 0], 3 * thermal() ** 2, rtol=0.01)
    decayed = 3 * thermal() ** 2 * np.exp(-gamma * result.lag[:80])
    assert np.abs(result.vacf[0, :80] - decayed).max() < 0.03 * decayed[0]
    centre, halved = result.values["Li band centre"], result.values["Li band centre, half the limit"]
    assert centre.value > halved.value + 10  # the Lorentzian tail: the limit must be named
    assert result.parameters["Li_change_when_limit_halved_cm"] == pytest.approx(halved.value - centre.value)
    assert centre.std_error > 0


def oscillators(rng, wavenumber, n_frames, interval, n=20):
    omega = 2 * np.pi * wavenumber / THZ_IN_PER_CM
    phase = rng.uniform(0, 2 * np.pi, (n, 3)) + omega * interval * np.arange(n_frames)[:, None, None]
    amplitude = thermal() * np.sqrt(2) / omega
    return amplitude * np.sin(phase), amplitude * omega * np.cos(phase)


@pytest.mark.parametrize("known", ["velocities", "positions"])
def test_harmonic_line(known):
    rng = np.random.default_rng(2)
    interval = 0.002
    x, v = oscillators(rng, 200.0, 20_000, interval)
    made = moving(v if known == "velocities" else None, interval, positions=x + 10, walls=200)
    result = vibrational_density_of_states(made, elements=["Li"], temperature=T, limits=(0.0, 1000.0))
    peak = int(np.argmax(result.g[0]))
    assert abs(result.nu[peak] - 200.0) <= result.parameters["bin_cm"] / 2
    assert result.values["Li band centre"].value == pytest.approx(200.0, abs=0.2)
    assert result.parameters["velocities"].startswith("from" if known == "velocities" else "central")
    assert integrate.trapezoid(result.g[0], result.nu) == pytest.approx(60, rel=0.03)  # sin²(x)/x² divided out


def test_norms_and_equality_with_the_transform_of_the_autocorrelation():
    rng = np.random.default_rng(3)
    made = moving(langevin(rng, 8000, 10, 8.0, 0.005), 0.005, walls=100)
    unit, paper, dof = (
        vibrational_density_of_states(made, elements=["Li"], norm=norm, temperature=T, segment=12.0)
        for norm in ("unit", "paper", "dof")
    )
    assert integrate.trapezoid(unit.g[0], unit.nu) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(dof.g[0] / dof.g[0].sum(), unit.g[0] / unit.g[0].sum(), rtol=1e-9)
    # eq. 2: N m/V times the two-sided transform of <v v>; a Hann-tapered periodogram is a smoothed copy of it
    cosine = np.cos(2 * np.pi * np.outer(paper.nu / THZ_IN_PER_CM, paper.lag))
    lag_window = np.clip(1 - paper.lag / paper.lag[-1], 0, None) ** 2
    transform = 2 * integrate.trapezoid(cosine * paper.vacf[0] * lag_window, paper.lag, axis=1)
    expected = 10 * LITHIUM / 20**3 * transform
    low = paper.nu < 60
    np.testing.assert_allclose(paper.g[0][low].mean(), expected[low].mean(), rtol=0.06)


def test_difference_of_a_run_with_itself_is_nothing_and_files_agree(tmp_path):
    rng = np.random.default_rng(4)
    made = moving(langevin(rng, 6000, 8, 8.0, 0.005), 0.005)
    one = vibrational_density_of_states(made, threads=1, segment=12.0)
    two = vibrational_density_of_states(made, threads=2, segment=12.0)
    assert one.g.tobytes() == two.g.tobytes()
    assert one.parameters["temperature_K"] == pytest.approx(T, rel=0.05)
    one.write(tmp_path / "v.h5")
    again = VDOSResult.read(tmp_path / "v.h5")
    for field in dataclasses.fields(VDOSResult):
        a, b = getattr(one, field.name), getattr(again, field.name)
        assert np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b, field.name


def test_frames_too_far_apart_claim_no_band_centre():
    rng = np.random.default_rng(5)
    result = vibrational_density_of_states(moving(langevin(rng, 4000, 6, 4.0, 0.02), 0.02))
    record = result.values["Li band centre"]
    assert (record.value, record.status) == (None, "undersampled")


def test_bad_input():
    rng = np.random.default_rng(6)
    x, v = oscillators(rng, 100.0, 8000, 0.002)
    made = moving(v, 0.002, positions=x)
    for arguments, text in (
        ({"segment": 20.0}, "at least one segment"),
        ({"segment": 4.0}, "longer --segment"),
        ({"segment": 12.0, "limits": (10.0, 1e6)}, "limits"),
        ({"segment": 12.0, "norm": "area"}, "norm"),
        ({"segment": 12.0, "temperature": -3.0}, "positive temperature"),
        ({"segment": 12.0, "elements": ["Na"]}, "no atom of element 'Na'"),
    ):
        with pytest.raises(InputError, match=text):
            vibrational_density_of_states(made, **arguments)
    with pytest.raises(InputError, match="time unknown"):
        vibrational_density_of_states(dataclasses.replace(made, time=None))
    bare = moving(None, 0.002, positions=x)
    with pytest.raises(InputError, match="--temperature"):
        vibrational_density_of_states(bare, segment=12.0)
    # what an XTC of precision 1000 does at short intervals
    with pytest.raises(InputError, match=r"rounded to 0\.01 Å"):
        vibrational_density_of_states(moving(None, 0.001, positions=np.round(x, 2)), segment=4.0, temperature=T)
    nan = v.copy()
    nan[5, 3] = np.nan
    with pytest.raises(InputError, match="finite"):
        vibrational_density_of_states(moving(nan, 0.002), segment=12.0)
    with pytest.raises(InputError, match="bins of at most"):
        smooth(np.arange(40.0), np.ones(40), 3.0, 3)
