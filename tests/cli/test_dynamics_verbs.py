"""ufp msd, hops, sites on a dump of which everything is known."""

import json

import numpy as np
import pytest

from ufpnmr.results.hops import HopResult
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.sites import SiteLabels

BOX = 16.0
OCTAHEDRON = 2.5 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]])


def write_dump(path, ions, ligands, every=1000):
    """Frames every `every` steps of ions (T, N, 3) as Li and ligands (T, M, 3) as S, unwrapped."""
    elements = ["Li"] * ions.shape[1] + ["S"] * ligands.shape[1]
    lines = []
    for t, frame in enumerate(np.concatenate([ions, ligands], axis=1)):
        lines += ["ITEM: TIMESTEP", str(t * every), "ITEM: NUMBER OF ATOMS", str(len(elements))]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0 {BOX}"] * 3, "ITEM: ATOMS id element xu yu zu"]
        lines += [
            f"{k + 1} {element} {x:.5f} {y:.5f} {z:.5f}"
            for k, (element, (x, y, z)) in enumerate(zip(elements, frame, strict=True))
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def synthetic(tmp_path, n_frames, probability, seed=1):
    rng = np.random.default_rng(seed)
    ligands = np.array([4.0, 4.0, 4.0]) + np.concatenate([OCTAHEDRON, OCTAHEDRON + 8.0])
    hops = rng.random((n_frames, 10)) < probability
    hops[0] = False
    steps = 1.5 * hops[..., None] * rng.choice([-1.0, 1.0], (n_frames, 10, 3))
    ions = np.cumsum(steps, axis=0) + rng.uniform(0, BOX, (10, 3)) + rng.normal(0, 0.15, (n_frames, 10, 3))
    drift = np.linspace(0, 6, n_frames)[:, None, None]
    return write_dump(tmp_path / "dump.lammpstrj", ions + drift, np.tile(ligands, (n_frames, 1, 1)) + drift), hops.sum()


@pytest.fixture
def hot(tmp_path):
    return synthetic(tmp_path, 1500, 8e-3)


@pytest.fixture
def cold(tmp_path):
    return synthetic(tmp_path, 300, 0.0)[0]


def test_msd(ufp, hot, tmp_path):
    done = ufp("msd", hot[0], "--timestep", "0.001", "-o", tmp_path / "msd.h5", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)["diffusion"]
    expected = 8e-3 * 3 * 1.5**2 / 6 * 1e-4  # per frame of 1 ps
    assert record["ci_low"] < expected < record["ci_high"]
    assert record["unit"] == "cm2/s"
    result = MSDResult.read(tmp_path / "msd.h5")
    assert result.diffusion.value == record["value"]
    assert result.provenance["inputs"].keys() == {"dump.lammpstrj"}
    again = ufp("msd", hot[0], "--timestep", "0.001", "-o", tmp_path / "msd.h5")
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_drift_is_part_of_the_answer(ufp, cold):
    kept = ufp("msd", cold, "--timestep", "0.001", "--drift", "none", "--origins", "first", "--json")
    removed = ufp("msd", cold, "--timestep", "0.001", "--origins", "first", "--json")
    assert json.loads(kept.stdout)["diffusion"]["value"] > 100 * json.loads(removed.stdout)["diffusion"]["value"]


def test_hops(ufp, hot, tmp_path):
    done = ufp("hops", hot[0], "--timestep", "0.001", "-o", tmp_path / "hops.h5", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = HopResult.read(tmp_path / "hops.h5")
    assert abs(len(found.ion) - hot[1]) <= 0.08 * hot[1]
    assert document["rate"]["ci_low"] < 8e9 < document["rate"]["ci_high"]
    assert document["parameters"]["drift"] == "framework"
    assert sum(document["interval"]["block_counts"]) == len(found.ion)


def test_no_hops_is_a_bound_and_exit_code_3(ufp, cold):
    done = ufp("hops", cold, "--timestep", "0.001")
    assert done.returncode == 3
    assert "< 1e+09 s^-1 (too_few_events)" in done.stdout
    assert ufp("msd", cold, "--timestep", "0.001").returncode == 3


def test_sites_and_labelled_hops(ufp, tmp_path):
    """An ion in an octahedron, another leaves its one for good."""
    rng = np.random.default_rng(2)
    n_frames = 200
    ligands = np.array([4.0, 4.0, 4.0]) + np.concatenate([OCTAHEDRON, OCTAHEDRON + 8.0])
    ligands = np.tile(ligands, (n_frames, 1, 1)) + rng.normal(0, 0.05, (n_frames, 12, 3))
    ions = np.tile([[4.0, 4.0, 4.0], [12.0, 12.0, 12.0]], (n_frames, 1, 1)) + rng.normal(0, 0.05, (n_frames, 2, 3))
    ions[120:, 1] += [3.0, 0.0, 3.0]
    dump = write_dump(tmp_path / "dump.lammpstrj", ions, ligands)
    arguments = (dump, "--timestep", "0.001", "--drift", "none")
    done = ufp("sites", *arguments[:3], "--radius", "3.2", "--sites", "6,3", "-o", tmp_path / "sites.h5", "--json")
    assert done.returncode == 3, done.stderr
    labels = SiteLabels.read(tmp_path / "sites.h5")
    assert (labels.label[:, 0] == 6).all()
    assert labels.names["6"] == "LiS6"
    assert json.loads(done.stdout)["population LiS6"]["value"] == pytest.approx((labels.label == 6).mean())
    hops = ufp("hops", *arguments, "--labels", tmp_path / "sites.h5", "-o", tmp_path / "hops.json")
    assert hops.returncode == 3
    found = HopResult.read(tmp_path / "hops.json")
    assert found.label_from.tolist() == [6]
    assert found.t_arrive.tolist() == [120.0]


@pytest.mark.parametrize("verb", ["msd", "hops", "sites"])
def test_bad_input_is_one_line_and_exit_code_2(ufp, cold, tmp_path, verb):
    cases = {
        "no time": (cold,),
        "missing": (tmp_path / "nothing.lammpstrj", "--timestep", "0.001"),
        "no folder": (cold, "--timestep", "0.001", "-o", tmp_path / "absent" / "x.h5"),
        "no atom": (
            cold,
            "--timestep",
            "0.001",
            *(["--ion", "Na"] if verb == "sites" else ["--selection", "element Na"]),
        ),
    }
    for name, arguments in cases.items():
        done = ufp(verb, *arguments)
        assert done.returncode == 2, f"{name}: {done.stdout} {done.stderr}"
        assert len(done.stderr.strip().splitlines()) == 1, f"{name}: {done.stderr}"
        assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.lammpstrj"]


def test_wrong_sites_and_options(ufp, cold):
    done = ufp("sites", cold, "--timestep", "0.001", "--sites", "four")
    assert done.returncode == 2
    assert "coordination numbers such as 4,6" in done.stderr
    assert ufp("msd", cold, "--timestep", "0.001", "--drift", "cell").returncode == 2
    assert ufp("hops", cold, "--timestep", "0.001", "--minimum-residence", "0.1").returncode == 2


@pytest.mark.parametrize("verb", ["msd", "hops", "sites"])
def test_help_shows_examples(ufp, verb):
    done = ufp(verb, "--help")
    assert done.returncode == 0
    assert f"ufp {verb} dump.lammpstrj --log log.lammps" in done.stdout
