"""Powder spectra: moments, edges, sidebands, averaging, exports."""

import json
import math

import numpy as np
import pytest

from processes import KAPPA, axial, series
from ufpnmr import TensorSeries
from ufpnmr.errors import InputError
from ufpnmr.nmr.quadrature import sphere_rule
from ufpnmr.nmr.spectrum import powder_lines, spectrum, spinning_lines, transitions
from ufpnmr.nmr.spectrum_export import write_mrsimulator, write_simpson
from ufpnmr.results.spectrum import SpectrumResult


def still(c_q=100.0, eta=0.0, frames=4, ions=1):
    zz = c_q / KAPPA
    one = np.array([-zz * (1 + eta) / 2, -zz * (1 - eta) / 2, zz, 0, 0, 0])
    s = series(np.broadcast_to(one, (frames, ions, 6)).astype(np.float32))
    return TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine="made")


def test_transitions_of_three_halves_and_one():
    shift, intensity = transitions(1.5)
    np.testing.assert_allclose(shift, [0.5, 0, -0.5])
    np.testing.assert_allclose(intensity, [0.3, 0.4, 0.3])
    shift, intensity = transitions(1)
    np.testing.assert_allclose(shift, [0.75, -0.75])
    np.testing.assert_allclose(intensity, [0.5, 0.5])
    assert transitions(2.5)[0] == pytest.approx([0.3, 0.15, 0, -0.15, -0.3])


@pytest.mark.parametrize("eta", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("spinning", [0.0, 3.0, 20.0])
def test_second_moment_and_area(eta, spinning):
    """M2 = Σ I_k s_k² P_Q²/5, spinning or not: 0.6/4 · 1/5 P_Q² for I = 3/2."""
    result = spectrum([still(eta=eta)], spinning=spinning)
    exact = 0.6 / 4 / 5 * 1e4 * (1 + eta**2 / 3)
    assert result.second_moment[0] == pytest.approx(exact, rel=1e-4)
    area = np.trapezoid(result.intensity[0], result.frequency)
    assert area == pytest.approx(1, abs=2e-3)
    assert result.rms_coupling[0] == pytest.approx(100 * math.sqrt(1 + eta**2 / 3), rel=1e-5)


def test_horns_and_edges_of_an_axial_powder():
    """Pake pattern: horns at ±C_Q/4, edges at ±C_Q/2, so the satellites' width at half height is C_Q/2."""
    result = spectrum([still()], broadening=0.5)
    frequency, intensity = result.frequency, result.intensity[0]
    outside = np.abs(frequency) > 5
    assert abs(frequency[outside][np.argmax(intensity[outside])]) == pytest.approx(25, abs=0.6)
    assert intensity[np.abs(frequency) > 51.5].max() < 1e-6
    assert intensity[np.abs(np.abs(frequency) - 48) < 0.5].min() > 1e-4
    assert result.width[0] == pytest.approx(50, abs=2)


def test_density_of_an_axial_powder():
    """P(ν) ~ 1/√(ν/ν_max·2 + 1): cumulative distribution of κ b·V·b for C_Q = 100."""
    values, weights = powder_lines(np.array([[-0.5, -0.5, 1, 0, 0, 0]]), 100.0)
    for x in (-45.0, -20.0, 0.0, 30.0, 60.0, 90.0):
        assert weights[values[0] < x].sum() == pytest.approx(math.sqrt((2 * x / 100 + 1) / 3), abs=0.01)


def test_sidebands_slow_and_fast():
    tensors = np.array([[-0.5, -0.5, 1, 0, 0, 0]])
    order, fast = spinning_lines(tensors, 100.0, 0.5, 1000.0)
    assert fast[order == 0][0] == pytest.approx(1, abs=2e-3)
    order, slow = spinning_lines(tensors, 100.0, 0.5, 1.0, degree=131)
    assert slow.sum() == pytest.approx(1)
    envelope = [slow[(order > 0) & (order < x)].sum() + slow[order == 0][0] / 2 for x in (10, 30)]
    values, weights = powder_lines(tensors, 50.0)
    static = [weights[(values[0] > 0) & (values[0] < x)].sum() for x in (10, 30)]
    np.testing.assert_allclose(envelope, static, atol=0.06)


def test_sidebands_against_the_time_evolution():
    """The same intensities from the signal of all three Euler angles, Fourier transformed."""
    tensor, spinning = np.array([0.2, -0.7, 0.5, 0.3, -0.1, 0.4]), 12.0
    matrix = tensor[[[0, 3, 4], [3, 1, 5], [4, 5, 2]]] * 30.0
    n, n_gamma = 64, 64
    turn = 2 * math.pi * np.arange(n) / n
    total = np.zeros(n)
    for axis, weight in zip(*sphere_rule(15), strict=True):
        e1 = np.cross(axis, [1, 0, 0] if abs(axis[0]) < 0.9 else [0, 1, 0])
        e1 /= np.linalg.norm(e1)
        e2 = np.cross(axis, e1)
        angle = np.add.outer(2 * math.pi * np.arange(n_gamma) / n_gamma, turn)
        b = axis / math.sqrt(3) + math.sqrt(2 / 3) * (np.cos(angle)[..., None] * e1 + np.sin(angle)[..., None] * e2)
        rate = np.einsum("gta,ab,gtb->gt", b, matrix, b) * 2 * math.pi
        step = 1 / spinning / n
        phase = np.cumsum(np.concatenate([np.zeros((n_gamma, 1)), (rate[:, 1:] + rate[:, :-1]) / 2 * step], 1), axis=1)
        total += weight * np.fft.fft(np.exp(1j * phase).mean(axis=0)).real / n
    order, found = spinning_lines(tensor[None], 30.0, 1.0, spinning, degree=15)
    naive = dict(zip(np.rint(np.fft.fftfreq(n, 1 / n)).astype(int).tolist(), total.tolist(), strict=True))
    for k in range(-4, 5):
        assert found[order == k][0] == pytest.approx(naive[k], abs=2e-3)


def test_motion_narrows():
    """Jumps between ω_Q = +60 and -20 average to 20; in blocks of one frame nothing is averaged."""
    x = np.where(np.arange(60)[:, None] % 2, 60.0, -20.0)
    s = series(axial(x).astype(np.float32))
    moving = TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell)
    whole = spectrum([moving], temperatures=[500.0])
    frames = spectrum([moving], average=1.0)
    assert whole.rms_coupling[0] == pytest.approx(20, rel=1e-5)
    assert frames.rms_coupling[0] == pytest.approx(math.sqrt((3600 + 400) / 2), rel=1e-5)
    both = spectrum([still(), moving], temperatures=[300.0, 500.0])
    assert both.width[1] == pytest.approx(both.width[0] / 5, rel=0.1)
    assert both.intensity.shape[0] == 2


def test_files(tmp_path):
    result = spectrum([still(eta=0.25, ions=3)])
    write_mrsimulator(result, tmp_path / "sites.json")
    systems = json.loads((tmp_path / "sites.json").read_text())
    assert len(systems) == 3
    assert systems[0]["sites"][0]["quadrupolar"]["eta"] == pytest.approx(0.25, abs=1e-6)
    value, unit = systems[0]["sites"][0]["quadrupolar"]["Cq"].split()
    assert (float(value), unit) == (pytest.approx(1e5, rel=1e-6), "Hz")
    assert write_simpson(result, tmp_path / "spinsys") == 3
    text = (tmp_path / "spinsys" / "00001.spinsys").read_text()
    assert "channels 7Li" in text
    words = next(line for line in text.splitlines() if "quadrupole" in line).split()
    assert words[:3] == ["quadrupole", "1", "1"]
    assert float(words[3]) == pytest.approx(1e5, rel=1e-6)
    result.write(tmp_path / "s.h5")
    np.testing.assert_array_equal(SpectrumResult.read(tmp_path / "s.h5").intensity, result.intensity)


def test_bad_input():
    for arguments, words in (
        ({"temperatures": [300.0, 400.0]}, "one temperature"),
        ({"spinning": -1.0}, "spinning"),
        ({"broadening": 0.0}, "broadening"),
        ({"average": 1e9}, "averaging time"),
        ({"isotope": "31P"}, "spin 1/2"),
    ):
        with pytest.raises(InputError, match=words):
            spectrum([still()], **arguments)
    with pytest.raises(InputError, match="at least one"):
        spectrum([])
    with pytest.raises(InputError, match="do not vanish"):
        spectrum([still(c_q=0.0)])
