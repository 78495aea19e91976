"""Figures of echoes, relaxation, polycrystal and spectra: units on the axes, what the legend must say."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from processes import axial, series, site_jumps, telegraph
from ufpnmr import TensorSeries, plots
from ufpnmr.dynamics import site_labels
from ufpnmr.errors import InputError
from ufpnmr.nmr import correlate
from ufpnmr.nmr.echo import stimulated_echo
from ufpnmr.nmr.polycrystal import Grains, polycrystal, uniaxial
from ufpnmr.nmr.relaxation import relaxation
from ufpnmr.nmr.relaxation_maxima import relaxation_maxima
from ufpnmr.nmr.spectrum import spectrum
from ufpnmr.plots.style import label_colour
from ufpnmr.results.rate_distribution import Peak, RateDistribution


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


def test_distribution_shows_its_peaks_and_what_does_not_decay():
    tau = np.geomspace(1, 1e4, 100)
    weight = np.exp(-((np.log(tau / 100) / 0.3) ** 2))
    peak = Peak(100.0, 60.0, 160.0, 0.9, 1.0)
    made = RateDistribution(
        "omega_q of 7Li", True, 1.0, 0.25, [peak], [], tau, weight, 0.8 * weight, 1.2 * weight, tau, weight, weight
    )
    ax = plots.rate_distribution(made)
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("τ = 0.1 ns (0.06 … 0.16), 90% of the decay" in text for text in words)
    assert "0.25" in ax.get_title(loc="left")
    assert "τ / ns" in ax.get_xlabel()


def test_single_ions_have_the_colour_of_the_site_they_start_from():
    sites = site_jumps(np.random.default_rng(3), 400, 10, 0.01)
    s = series(axial(40.0 + 60.0 * sites).astype(np.float32))
    labels = site_labels(4 + 2 * sites, s.time, s.ids, names={4: "LiS4", 6: "LiS6"}, minimum_residence=0)
    tensors = TensorSeries(time=s.time, ids=s.ids, V=s.V, cell=s.cell, engine="made")
    started = {4: int((sites[0] == 0).sum()), 6: int((sites[0] == 1).sum())}
    for ax in (
        plots.single_ions(correlate(tensors, "cq"), labels),
        plots.first_origin(tensors, isotope="7Li", labels=labels),
    ):
        colours = [line.get_color() for line in ax.lines]
        assert {code: colours.count(label_colour(code)) for code in started} == started
        assert any(f"LiS6 in the first frame: {started[6]}" in text.get_text() for text in ax.get_legend().get_texts())
    # one origin: the product of an ion that starts at 100 kHz is 1e4 kHz² until it hops
    first = next(line for line in ax.lines if line.get_color() == label_colour(6))
    assert first.get_ydata()[0] == pytest.approx(1e4, rel=1e-5)
    with pytest.raises(InputError, match="none of ion 11"):
        more = series(axial(np.ones((400, 11))).astype(np.float32))
        more = TensorSeries(time=more.time, ids=more.ids, V=more.V, cell=more.cell, engine="made")
        plots.first_origin(more, isotope="7Li", labels=labels)


def test_labelled_sites_are_told_apart_by_their_colour():
    ax = plots.labelled_histogram([1.0, 2.0, 3.0, 4.0], "x", "kHz", ["LiS4", "LiS4", "LiS6", "other"])
    assert [line.get_color() for line in ax.lines][:2] == [label_colour(4), label_colour(6)]
    assert any("LiS4: mean 1.5" in text.get_text() for text in ax.get_legend().get_texts())
    assert ax.get_xlabel() == "x / kHz"
