"""Every figure: axes with units, what the legend must name, no pyplot, all formats."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import ion_walks
from ufpnmr import arrhenius, plots
from ufpnmr.dynamics import Sites, find_hops, mean_square_displacement, residence_times, site_labels, site_network
from ufpnmr.errors import InputError
from ufpnmr.nmr import correlate, fit_decay
from ufpnmr.results import Record
from ufpnmr.results.display import interval_text, number_text, record_text, value_text
from ufpnmr.results.tensors import TensorSeries
from ufpnmr.trajectory import IonPaths

N_FRAMES, N_IONS = 1200, 12


def paths_with_hops():
    """Ions that sit and vibrate, and hop 2.5 Å along x at known frames."""
    random = np.random.default_rng(1)
    steps = np.zeros((N_FRAMES, N_IONS, 3))
    for ion in range(N_IONS):
        steps[100 + 80 * ion % 1000 :: 300, ion, 0] = 2.5
    positions = np.cumsum(steps, axis=0) + random.normal(0, 0.15, steps.shape)
    return IonPaths(
        elements=np.full(N_IONS, "Li"),
        drift_mode="none",
        selection="element Li",
        source="made.dump",
        time=np.arange(N_FRAMES) * 1.0,
        ids=np.arange(1, N_IONS + 1),
        positions=positions,
        cell=np.tile(np.eye(3) * 30, (N_FRAMES, 1, 1)),
        drift=np.zeros((N_FRAMES, 3)),
    )


def jumping_tensors():
    """Axial tensors whose axis jumps between x and z with random noise."""
    random = np.random.default_rng(2)
    axes = np.array([[-0.05, -0.05, 0.1, 0, 0, 0], [0.1, -0.05, -0.05, 0, 0, 0]])
    state = (np.cumsum(random.random((N_FRAMES, N_IONS)) < 0.02, axis=0) + np.arange(N_IONS)) % 2
    V = axes[state] + random.normal(0, 1e-3, (N_FRAMES, N_IONS, 6))
    V[..., 2] = -V[..., 0] - V[..., 1]
    return TensorSeries(
        time=np.arange(N_FRAMES) * 1.0,
        ids=np.arange(1, N_IONS + 1),
        V=V,
        cell=np.tile(np.eye(3) * 30, (N_FRAMES, 1, 1)),
        engine="made",
    ), np.where(state == 0, 4, 6)


@pytest.fixture(scope="module")
def made():
    paths = paths_with_hops()
    series, labels = jumping_tensors()
    correlation = correlate(series, isotope="7Li", field=(0, 0, 1))
    return {
        "paths": paths,
        "msd": mean_square_displacement(paths),
        "hops": find_hops(paths),
        "series": series,
        "labels": site_labels(labels, series.time, series.ids, names={4: "LiS4", 6: "LiS6"}, minimum_residence=5.0),
        "correlation": correlation,
        "fit": fit_decay(correlation),
    }


DRAWN = {
    "msd": (lambda m, ax: plots.mean_square_displacement(m["msd"], ax), "lag / ps", "Å²", "95 % band"),
    "traces": (lambda m, ax: plots.displacement_traces(m["paths"], m["hops"], ax), "time / ps", "Å", "hop ("),
    "acf": (lambda m, ax: plots.correlation(m["correlation"], m["fit"], ax), "lag / ps", "zero lag", "7Li, harper2025"),
    "frequency": (
        lambda m, ax: plots.frequency_histogram(m["series"], isotope="7Li", field=(0, 0, 1), labels=m["labels"], ax=ax),
        "(harper2025), B$_0$ ∥ (0, 0, 1) / kHz",
        "(kHz)$^{-1}$",
        "LiS4: mean",
    ),
    "coupling": (
        lambda m, ax: plots.coupling_histogram(m["series"], isotope="7Li", labels=m["labels"], ax=ax),
        "|C$_Q$| of 7Li / kHz",
        "(kHz)$^{-1}$",
        "LiS6: mean",
    ),
    "scan": (lambda m, ax: plots.threshold_scan(m["hops"], ax), "Å", "number of hops", "rate: "),
    "sites": (lambda m, ax: plots.label_populations(m["labels"], ax), "time / ps", "fraction", "LiS4: "),
}


@pytest.mark.parametrize("name", DRAWN)
def test_axes_have_units_and_the_legend_says_what_is_shown(made, name):
    draw, x, y, legend = DRAWN[name]
    given = Figure().add_subplot()
    ax = draw(made, given)
    assert ax is given
    assert x in ax.get_xlabel()
    assert y in ax.get_ylabel()
    assert any(legend in text.get_text() for text in ax.get_legend().get_texts())
    assert isinstance(draw(made, None), Axes)


@pytest.mark.parametrize("weight", ["counts", "density"])
def test_angle_map(made, weight):
    ax = plots.angle_map(made["series"], field=(0, 0, 1), weight=weight)
    assert "degrees" in ax.get_xlabel()
    assert "degrees" in ax.get_ylabel()
    counts = np.asarray(ax.collections[0].get_array()).ravel()
    # the field is along the axis of one kind of tensor and across that of the other
    if weight == "counts":
        assert counts.sum() == np.isfinite(made["series"].V[..., 0]).sum()
    with pytest.raises(InputError, match="did you mean 'counts'"):
        plots.angle_map(made["series"], field=(0, 0, 1), weight="count")


def test_isotropic_tensors_give_a_flat_density():
    random = np.random.default_rng(3)
    q = np.linalg.qr(random.normal(size=(60_000, 3, 3)))[0]
    V = q @ np.diag([-0.08, -0.02, 0.1]) @ q.transpose(0, 2, 1)
    six = V[:, [0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]].reshape(200, 300, 6)
    series = TensorSeries(np.arange(200.0), np.arange(300), six, np.tile(np.eye(3), (200, 1, 1)))
    ax = plots.angle_map(series, field=(1, 2, 3), weight="density")
    density = np.asarray(ax.collections[0].get_array()).reshape(45, 45)
    rings = density[5:].mean(axis=1)
    np.testing.assert_allclose(rings, rings.mean(), rtol=0.1)


def test_histogram_integrates_to_one(made):
    ax = plots.frequency_histogram(made["series"], isotope="7Li", field=(0, 0, 1))
    outline = ax.collections[0].get_paths()[0].vertices
    x, y = outline[:, 0], outline[:, 1]
    area = abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
    assert area == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("suffix", ["svg", "png", "pdf"])
def test_save(made, tmp_path, suffix):
    plots.save(plots.threshold_scan(made["hops"]), tmp_path / f"figure.{suffix}")
    start = (tmp_path / f"figure.{suffix}").read_bytes()[:8]
    assert start.startswith({"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}[suffix])
    assert [path.name for path in tmp_path.iterdir()] == [f"figure.{suffix}"]


def test_save_is_reproducible(made, tmp_path):
    for name in ("a.svg", "b.svg"):
        plots.save(plots.label_populations(made["labels"]), tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_unknown_format(made, tmp_path):
    with pytest.raises(InputError, match=r"expected a name ending in \.svg, \.png, \.pdf"):
        plots.save(plots.threshold_scan(made["hops"]), tmp_path / "figure.jpeg")


def test_style_stays_inside(made):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    plots.threshold_scan(made["hops"])
    assert dict(mpl.rcParams) == before


def test_pyplot_is_never_loaded():
    code = "import sys, ufpnmr.plots; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (1, "1"),
        (0.0123, "0.0123"),
        (999.6, "1000"),
        (45678.0, "45700"),
        (1.5e-5, "1.50×10⁻⁵"),
        (2.17e7, "2.17×10⁷"),
        (-3.2e6, "-3.20×10⁶"),
    ],
)
def test_number_text(number, text):
    assert number_text(number) == text


def test_records_in_words():
    tau = Record(46.2, "ns", "m", 38.0, 55.5)
    assert record_text(tau) == "46.2 (38 … 55.5) ns"
    short = Record(2.6e-4, "ns", "m", 2e-4, 3.4e-4)
    assert value_text(short) == "0.26 ps"
    assert interval_text(short) == "0.2 … 0.34 ps"
    bound = Record(None, "ns", "m", 12.0, status="no_decay")
    assert record_text(bound) == "above 12 ns (no decay)"
    assert value_text(bound) == "not claimed"
    nothing = Record(None, "1", "m", status="not_diffusive")
    assert record_text(nothing) == "not claimed (not diffusive)"
    assert record_text(Record(0.5, "1", "m", 0.4, 0.6)) == "0.5 (0.4 … 0.6)"


@pytest.fixture(scope="module")
def moved():
    """Ions on four sites of a chain, one charge each."""
    rng = np.random.default_rng(11)
    place = np.cumsum((rng.random((1500, 8)) < 0.01) * rng.choice([-1, 1], (1500, 8)), axis=0) + np.arange(8)
    x = np.full((1500, 8, 3), 6.0)
    x[..., 0] = (place + 0.5) * 3
    walk = ion_walks.walk(x + rng.normal(0, 0.2, x.shape))
    walk.cell = np.tile(12.0 * np.eye(3), (1500, 1, 1))
    sites = Sites(
        np.column_stack([(np.arange(4) + 0.5) / 4, [0.5] * 4, [0.5] * 4]), np.array([1, 2, 1, 2]), NAMES, "test"
    )
    network = site_network(walk, sites)
    labels = site_labels(network.labels, walk.time, walk.ids, names=NAMES)
    return walk, network, labels


NAMES = {1: "a", 2: "b"}


def test_paths_in_space_are_coloured_by_their_start(moved, tmp_path):
    walk, _, labels = moved
    ax = plots.ion_trajectories(walk, labels)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == ["a at t = 0: 4", "b at t = 0: 4"]
    assert ax.get_zlabel() == "z / Å"
    plots.save(ax, tmp_path / "paths.png")
    assert plots.ion_trajectories(walk).get_legend().get_texts()[0].get_text() == "ions: 8"
    with pytest.raises(InputError, match="3-D projection"):
        plots.ion_trajectories(walk, ax=Figure().add_subplot())
    with pytest.raises(InputError, match="other atom ids"):
        plots.ion_trajectories(walk, dataclasses.replace(labels, ids=labels.ids + 1))


def test_network_survival_and_arrhenius(moved):
    _, network, labels = moved
    ax = plots.network_map(network)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts[0].startswith("a: 2 sites, ")
    assert texts[-1] == f"{network.edge_count.sum()} moves, through in 1 dimensions"
    with pytest.raises(InputError, match="expected a view of xy, xz, yz"):
        plots.network_map(network, "ab")
    curve = plots.survival(residence_times(labels, 1, replicas=5))
    assert "95 % band" in curve.get_legend().get_texts()[0].get_text()
    fit = arrhenius.fit([400.0, 500.0, 600.0], [1.0, 3.0, 8.0], [0.1, 0.1, 0.1], unit="cm2/s")
    drawn = plots.arrhenius(fit)
    assert drawn.get_ylabel() == "value / (cm2/s)"
    assert "eV" in drawn.get_legend().get_texts()[0].get_text()


def test_charge_is_drawn_beside_the_ions(moved):
    result = mean_square_displacement(moved[0], charge=1.0)
    texts = [text.get_text() for text in plots.mean_square_displacement(result).get_legend().get_texts()]
    assert any(text.startswith("of the charge; H$_R$") for text in texts)
