"""Figures of echoes, relaxation, polycrystal and spectra: units on the axes, what the legend must say."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from processes import axial, series, telegraph
from ufpnmr import TensorSeries, plots
from ufpnmr.nmr import correlate
from ufpnmr.nmr.echo import stimulated_echo
from ufpnmr.nmr.polycrystal import Grains, polycrystal, uniaxial
from ufpnmr.nmr.relaxation import relaxation
from ufpnmr.nmr.relaxation_maxima import relaxation_maxima
from ufpnmr.nmr.spectrum import spectrum


@pytest.fixture(scope="module")
def made():
    x = 50 * telegraph(np.random.default_rng(1), 800, 12, 1 / 20) + 20
    s = series(axial(x).astype(np.float32))
    tensors = TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine="made")
    powder = correlate(tensors, "powder")
    rates = relaxation(powder, [4.7, 9.4], spin_lock=[30.0], replicas=20)
    grains = Grains(count=200, voxels=16, realisations=2)
    return {
        "echo": stimulated_echo(tensors, [5.0, 10.0, 20.0]),
        "relaxation": rates,
        "temperature": relaxation_maxima([rates, rates], [300.0, 400.0]),
        "polycrystal": polycrystal(uniaxial(60, 0.2), [20.0, 60.0], 4e-11, "made", grains=grains),
        "spectrum": spectrum([tensors], temperatures=[300.0]),
    }


@pytest.mark.parametrize(("draw", "name", "x", "y", "legend"), [
    (plots.echo_signal, "echo", "mixing time / ps", "sin-sin echo of 7Li", "t$_p$ = 10 µs"),
    (plots.spectral_density, "relaxation", "frequency / MHz", "s$^{-1}$", "J(2ω$_0$)"),
    (plots.rates_over_temperature, "temperature", "T / K", "s$^{-1}$", "R1, 9.4 T"),
    (plots.polycrystal, "polycrystal", "mixing time / ms", "C(t)/C(0)", "L = 60 nm"),
    (plots.spectrum, "spectrum", "frequency / kHz", "kHz$^{-1}$", "300 K"),
])  # fmt: skip
def test_axes_have_units_and_the_legend_says_what_is_shown(made, draw, name, x, y, legend):
    given = Figure().add_subplot()
    ax = draw(made[name], given)
    assert ax is given
    assert x in ax.get_xlabel()
    assert y in ax.get_ylabel()
    assert any(legend in text.get_text() for text in ax.get_legend().get_texts())


def test_polycrystal_is_labelled_as_a_model(made):
    assert "Model" in plots.polycrystal(made["polycrystal"]).get_title(loc="left")


def test_echo_map_is_drawn_over_both_times(made):
    ax = plots.echo_map(made["echo"])
    assert "t$_p$ / µs" in ax.get_ylabel()
    np.testing.assert_allclose(np.asarray(ax.collections[0].get_array()).ravel(), made["echo"].signal[:, 1:].ravel())
