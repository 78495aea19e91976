"""``ufp study`` with a list of temperatures, on ions that hop on a lattice with a known activation energy."""

import json

import numpy as np
import pytest

from ufpnmr.errors import InputError
from ufpnmr.results.temperature_scan import TemperatureScan
from ufpnmr.study import read_scan
from ufpnmr.units import BOLTZMANN_EV

ENERGY = 0.2
FRAMES = 1500
SPACING = 2.5
CELLS = 4

STUDY = """
[system]
title = "Ions on a lattice"
phase = "12 Li on 64 sites"
axes = "x=a y=b z=c"

[temperatures]
kelvin = [500, 700]
predict_K = [300, 600]
[temperatures.at.500.trajectory]
path = "500.lammpstrj"
[temperatures.at.700.trajectory]
path = "700.lammpstrj"

[trajectory]
timestep_ps = 0.001
selection = "element Li"

[efg]
model = "point-charges.toml"

[nmr]
isotope = "7Li"
fields = { a = [1, 0, 0] }

[output]
folder = "out"
"""


def write_hopping(path, rate, seed):
    """Write 12 Li that hop to empty neighbouring sites of a cubic lattice, among 4 P and 16 S at rest."""
    rng = np.random.default_rng(seed)
    sites = np.array(np.unravel_index(rng.choice(CELLS**3, 12, replace=False), (CELLS,) * 3)).T
    turn = np.zeros_like(sites)
    rest = SPACING * (np.array(np.unravel_index(rng.choice(CELLS**3, 20, replace=False), (CELLS,) * 3)).T + 0.5)
    elements = ["Li"] * 12 + ["P"] * 4 + ["S"] * 16
    length = CELLS * SPACING
    with open(path, "w", encoding="utf-8") as stream:
        for frame in range(FRAMES):
            for ion in np.flatnonzero(rng.random(12) < rate):
                step = np.zeros(3, dtype=int)
                step[rng.integers(3)] = rng.choice((-1, 1))
                target = (sites[ion] + step) % CELLS
                if not (sites == target).all(axis=1).any():
                    turn[ion] += (sites[ion] + step) // CELLS
                    sites[ion] = target
            moving = SPACING * sites + length * turn + rng.normal(0, 0.08, (12, 3))
            stream.write(f"ITEM: TIMESTEP\n{1000 * frame}\nITEM: NUMBER OF ATOMS\n32\nITEM: BOX BOUNDS pp pp pp\n")
            stream.write(f"0 {length}\n" * 3 + "ITEM: ATOMS id type element xu yu zu\n")
            for number, (element, (x, y, z)) in enumerate(zip(elements, [*moving, *rest], strict=True), 1):
                stream.write(f"{number} {1 + 'LiPS'.find(element) // 2} {element} {x:.4f} {y:.4f} {z:.4f}\n")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("temperatures")
    for kelvin in (500, 700):
        write_hopping(folder / f"{kelvin}.lammpstrj", 0.45 * np.exp(-ENERGY / (BOLTZMANN_EV * kelvin)), kelvin)
    charges = repository / "inputs" / "lps" / "point-charges.toml"
    (folder / "point-charges.toml").write_text(charges.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "study.toml").write_text(STUDY, encoding="utf-8")
    return folder


def test_temperatures_one_by_one_then_their_law(ufp, folder):
    first = ufp("study", "study.toml", "--threads", 1, "--temperature", 700, cwd=folder)
    assert first.returncode == 0, first.stderr
    assert "700K: efg: done" in first.stderr
    assert "no laws yet: 500K not done" in first.stderr
    assert (folder / "out" / "700K" / "report.html").is_file()
    assert not (folder / "out" / "500K").exists()

    second = ufp("study", "study.toml", "--threads", 1, "--json", cwd=folder)
    assert second.returncode in (0, 3), second.stderr
    assert "500K: efg: done" in second.stderr
    assert "700K: efg" not in second.stderr
    records = json.loads(second.stdout)
    for name in ("diffusion", "hop_rate"):
        energy = records[f"activation_energy {name}"]
        assert energy["ci_low"] < ENERGY < energy["ci_high"]
        assert "extrapolated from 500 to 700 K" in records[f"{name} predicted 300K"]["method"]
        assert "extrapolated" not in records[f"{name} predicted 600K"]["method"]
    assert "warning: hop_rate: 300 K is outside the fitted 500 to 700 K: extrapolated" in second.stderr

    found = TemperatureScan.read(folder / "out" / "temperatures.json")
    assert found.provenance["inputs"].keys() == {"500K/results.json", "700K/results.json"}
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert "hop rate: 300 K is outside the fitted 500 to 700 K" in page
    assert page.count("<figure>") == 1
    assert 'href="500K/report.html"' in page

    third = ufp("study", "study.toml", "--threads", 1, cwd=folder)
    assert "every stage is done already" in third.stderr

    csv = ufp("plot", "out/temperatures.json", "-o", "scan.csv", cwd=folder)
    assert csv.returncode == 0, csv.stderr
    figure = ufp("plot", "out/temperatures.json", "-o", "scan.svg", cwd=folder)
    assert figure.returncode == 0, figure.stderr


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[500, 700]", "[500]", "at least two temperatures"),
        ("[500, 700]", "[500, 500]", "each once"),
        ("[500, 700]", "[500, 800]", "expected one of kelvin = [500.0, 800.0], found '700'"),
        ("predict_K", "predict_k", "did you mean 'predict_K'"),
        ("at.500.trajectory", "at.500.nmr", "unknown key 'nmr'"),
        ('phase = "12', 'temperature_K = 500\nphase = "12', "found both"),
        ('path = "500.lammpstrj"', 'path = "501.lammpstrj"', "no such file"),
        ('isotope = "7Li"', 'isotpe = "7Li"', "did you mean 'isotope'"),
    ],
)
def test_wrong_files_are_one_line(folder, tmp_path, old, new, words):
    assert old in STUDY
    for kelvin in (500, 700):
        (tmp_path / f"{kelvin}.lammpstrj").symlink_to(folder / f"{kelvin}.lammpstrj")
    (tmp_path / "point-charges.toml").symlink_to(folder / "point-charges.toml")
    (tmp_path / "study.toml").write_text(STUDY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_scan(tmp_path / "study.toml")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_temperature_and_stage_are_named(ufp, folder):
    done = ufp("study", "study.toml", "--temperature", 400, cwd=folder)
    assert done.returncode == 2
    assert "(500, 700 K), found 400 K" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    done = ufp("study", "study.toml", "--only", "arhenius", cwd=folder)
    assert done.returncode == 2
    assert "did you mean 'arrhenius'" in done.stderr
