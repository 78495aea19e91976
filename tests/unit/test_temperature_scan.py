"""Several quantities over temperature: laws, bounds, extrapolation, files."""

import csv

import numpy as np
import pytest

from ufpnmr import arrhenius, plots
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.units import BOLTZMANN_EV

KELVIN = (400.0, 500.0, 600.0)
ENERGY = 0.3


def claimed(value, unit, error=0.05):
    return Record(value, unit, "test", value * 0.9, value * 1.1, error * value)


def law(kelvin, prefactor):
    return prefactor * np.exp(-ENERGY / (BOLTZMANN_EV * kelvin))


@pytest.fixture
def scan():
    tau = [claimed(1 / law(t, 50.0), "ns") for t in KELVIN]
    tau[0] = Record(None, "ns", "test", ci_low=100.0, status="no_decay")
    alone = [Record(None, "ns", "test", ci_low=1.0, status="no_decay")] * 2 + [claimed(0.1, "ns")]
    records = {
        "diffusion": [claimed(law(t, 1e-3), "cm2/s") for t in KELVIN],
        "hop_rate": [claimed(law(t, 1e13), "s^-1") for t in KELVIN],
        "tau_omega_q_a": tau,
        "tau_cq": alone,
    }
    return arrhenius.over_temperatures(KELVIN, records, [300.0, 550.0])


def test_each_claimed_quantity_gets_its_law(scan):
    assert set(scan.laws) == {"diffusion", "hop_rate", "tau_omega_q_a"}
    for name in scan.laws:
        assert scan.activation[name].value == pytest.approx(ENERGY, rel=1e-9)
        assert scan.activation[name].ci_low < ENERGY < scan.activation[name].ci_high
    assert len(scan.laws["tau_omega_q_a"].temperature) == 2
    assert scan.activation["tau_cq"].value is None
    assert not scan.activation["tau_cq"].trustworthy


def test_extrapolation_is_said_and_interpolation_is_not(scan):
    said = [line for line in scan.notices if "extrapolated" in line]
    assert [line.partition(":")[0] for line in said] == ["diffusion", "hop_rate", "tau_omega_q_a"]
    assert all("300 K is outside the fitted" in line for line in said)
    assert "500 to 600 K" in said[2]  # where this quantity is claimed, not where it was simulated
    assert any("tau_cq: no activation energy, 1 of 3" in line for line in scan.notices)
    cold, inside = scan.predicted["diffusion"]["300"], scan.predicted["diffusion"]["550"]
    assert cold.value == pytest.approx(law(300.0, 1e-3), rel=1e-9)
    assert "extrapolated" in cold.method
    assert "extrapolated" not in inside.method
    assert cold.ci_high / cold.ci_low > inside.ci_high / inside.ci_low


def test_file_holds_everything(scan, tmp_path):
    scan.write(tmp_path / "scan.json")
    back = TemperatureScan.read(tmp_path / "scan.json")
    assert back.records == scan.records
    assert back.activation == scan.activation
    assert back.predicted == scan.predicted
    assert back.laws["diffusion"].predict(450.0) == scan.laws["diffusion"].predict(450.0)
    scan.write_csv(tmp_path / "scan.csv")
    with open(tmp_path / "scan.csv", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    assert float(rows[1]["value"]) == pytest.approx(scan.records["diffusion"][1].value)
    assert (rows[6]["value"], rows[6]["ci_low"], rows[6]["status"]) == ("", "100", "no_decay")


def test_figure_has_a_panel_per_unit_with_energies_and_bounds(scan, tmp_path):
    first = plots.over_temperatures(scan)
    panels = first.figure.axes
    labels = [text.get_text() for panel in panels for text in panel.get_legend().get_texts()]
    assert len(panels) == 3
    assert [label.partition(":")[0] for label in labels] == ["D", "hop rate k", "τ, ω$_Q$, field along a", "τ, |C$_Q$|"]
    assert all("0.3" in label and "eV" in label for label in labels[:3])
    assert "too few events" in labels[3]
    bounds = [line for line in panels[2].lines if line.get_marker() == "^"]
    assert len(bounds) == 3
    plots.save(first, tmp_path / "scan.svg")


def test_rows_of_another_length_are_refused():
    with pytest.raises(InputError, match="one record per temperature, found 1 for 3"):
        arrhenius.over_temperatures(KELVIN, {"diffusion": [claimed(1.0, "cm2/s")]})
