"""ufp msd, hops, sites on a dump of which everything is known."""

import json

import numpy as np
import pytest
from ase import Atoms

from ufpnmr.results.hops import HopResult
from ufpnmr.results.msd import MSDResult
from ufpnmr.results.runs import RunAverage
from ufpnmr.results.site_network import SiteNetwork
from ufpnmr.results.sites import SiteLabels

RUN = ("--timestep", "0.001", "--ion", "Li")
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
    done = ufp("msd", hot[0], *RUN, "-o", tmp_path / "msd.h5", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)["diffusion"]
    expected = 8e-3 * 3 * 1.5**2 / 6 * 1e-4  # per frame of 1 ps
    assert record["ci_low"] < expected < record["ci_high"]
    assert record["unit"] == "cm2/s"
    result = MSDResult.read(tmp_path / "msd.h5")
    assert result.diffusion.value == record["value"]
    assert result.provenance["inputs"].keys() == {"dump.lammpstrj"}
    again = ufp("msd", hot[0], *RUN, "-o", tmp_path / "msd.h5")
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_drift_is_part_of_the_answer(ufp, cold):
    kept = ufp("msd", cold, *RUN, "--drift", "none", "--origins", "first", "--json")
    removed = ufp("msd", cold, *RUN, "--origins", "first", "--json")
    found = [json.loads(done.stdout)["parameters"]["one_origin_diffusion"] for done in (kept, removed)]
    assert found[0] > 100 * found[1]


def test_hops(ufp, hot, tmp_path):
    done = ufp("hops", hot[0], *RUN, "-o", tmp_path / "hops.h5", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    found = HopResult.read(tmp_path / "hops.h5")
    assert abs(len(found.ion) - hot[1]) <= 0.08 * hot[1]
    assert document["rate"]["ci_low"] < 8e9 < document["rate"]["ci_high"]
    assert document["parameters"]["drift"] == "framework"
    assert sum(document["interval"]["block_counts"]) == len(found.ion)


@pytest.mark.parametrize("verb", ["msd", "hops"])
def test_runs_combine_from_trajectories_and_from_their_results(ufp, tmp_path, verb):
    dumps = []
    for k in range(3):
        folder = tmp_path / f"run{k}"
        folder.mkdir()
        dumps.append(synthetic(folder, 400, 8e-3, seed=10 + k)[0])
    parts = [tmp_path / f"part{k}.h5" for k in range(3)]
    for dump, part in zip(dumps, parts, strict=True):
        assert ufp(verb, dump, *RUN, "-o", part).returncode in (0, 3)
    read = ufp(verb, *dumps, *RUN, "-o", tmp_path / "read.h5", "--json")
    combined = ufp(verb, *parts, "-o", tmp_path / "combined.h5", "--json")
    assert read.returncode == combined.returncode == 0, read.stderr + combined.stderr
    first, second = (json.loads(done.stdout) for done in (read, combined))
    assert first == second
    mean = RunAverage.read(tmp_path / "combined.h5")
    assert mean.n_runs == 3
    name, truth = ("rate", 8e9) if verb == "hops" else ("diffusion", 8e-3 * 3 * 1.5**2 / 6 * 1e-4)
    assert first[name]["ci_low"] < truth < first[name]["ci_high"]
    curve = "scan_rate" if verb == "hops" else "msd"
    assert mean.mean[curve].shape == mean.std[curve].shape == mean.sem[curve].shape
    assert ufp("plot", tmp_path / "combined.h5", "-o", tmp_path / "mean.svg").returncode == 0


def test_labels_of_runs_combine(ufp, cold, tmp_path):
    labelled = ("--ligand", "S", "--radius", "3.2", "--half-gap", "0.3")
    for k in range(2):
        assert ufp("sites", cold, *RUN, *labelled, "-o", tmp_path / f"{k}.h5").returncode in (0, 3)
    done = ufp("sites", tmp_path / "0.h5", tmp_path / "1.h5", "--json")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    one = SiteLabels.read(tmp_path / "0.h5")
    name = f"population {one.names[str(one.codes[0])]}"
    assert document[name]["value"] == pytest.approx(one.records[name].value)
    assert document["run_values"][name] == [one.records[name].value] * 2
    several = ufp("sites", cold, cold, *RUN, "--by", "density")
    assert several.returncode == 2
    assert "one by one" in several.stderr


def test_frames_left_out_are_asked_for_and_recorded(ufp, cold, tmp_path):
    lines = cold.read_text().splitlines()
    at = next(k for k, line in enumerate(lines) if line == "1000") + 8  # the second frame, its second atom
    lines[at] = " ".join([*lines[at].split()[:4], "nan"])
    broken = tmp_path / "broken.lammpstrj"
    broken.write_text("\n".join(lines[:-3]) + "\n")  # and the last frame is cut
    refused = ufp("rdf", broken, "--timestep", "0.001", "--pair", "Li-S")
    assert refused.returncode == 2
    assert "1000" in refused.stderr
    done = ufp("rdf", broken, "--timestep", "0.001", "--pair", "Li-S", "--on-nan", "drop", "-o", tmp_path / "g.json")
    assert done.returncode in (0, 3), done.stderr
    left_out = json.loads((tmp_path / "g.json").read_text())["parameters"]["frames_left_out"]
    assert left_out == {"incomplete": 1, "not_finite": 1}
    assert ufp("plot", tmp_path / "g.json", "-o", tmp_path / "g.csv").returncode == 0
    assert '"g[Li-S]"' in (tmp_path / "g.csv").read_text()


def test_options_of_one_run_are_refused_for_several(ufp, cold, tmp_path):
    done = ufp("hops", cold, cold, *RUN, "--paths", tmp_path / "paths.h5")
    assert done.returncode == 2
    assert "--paths: belongs to one run, 2 are given" in done.stderr


def test_no_hops_is_a_bound_and_exit_code_3(ufp, cold):
    done = ufp("hops", cold, *RUN)
    assert done.returncode == 3
    assert "< 1e+09 s^-1 (too_few_events)" in done.stdout
    assert ufp("msd", cold, *RUN).returncode == 3


def test_sites_and_labelled_hops(ufp, tmp_path):
    """An ion in an octahedron, another leaves its one for good."""
    rng = np.random.default_rng(2)
    n_frames = 200
    ligands = np.array([4.0, 4.0, 4.0]) + np.concatenate([OCTAHEDRON, OCTAHEDRON + 8.0])
    ligands = np.tile(ligands, (n_frames, 1, 1)) + rng.normal(0, 0.05, (n_frames, 12, 3))
    ions = np.tile([[4.0, 4.0, 4.0], [12.0, 12.0, 12.0]], (n_frames, 1, 1)) + rng.normal(0, 0.05, (n_frames, 2, 3))
    ions[120:, 1] += [3.0, 0.0, 3.0]
    dump = write_dump(tmp_path / "dump.lammpstrj", ions, ligands)
    arguments = (dump, *RUN, "--drift", "none")
    done = ufp(
        "sites",
        *arguments[:5],
        "--ligand",
        "S",
        "--radius",
        "3.2",
        "--sites",
        "6,3",
        "-o",
        tmp_path / "sites.h5",
        "--json",
    )
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
        "missing": (tmp_path / "nothing.lammpstrj", *RUN),
        "no folder": (cold, *RUN, "-o", tmp_path / "absent" / "x.h5"),
        "no atom": (cold, "--timestep", "0.001", "--ion", "Na"),
        "no ion": (cold, "--timestep", "0.001"),
    }
    if verb == "sites":
        cases = {name: (*arguments, "--ligand", "S") for name, arguments in cases.items()}
    for name, arguments in cases.items():
        done = ufp(verb, *arguments)
        assert done.returncode == 2, f"{name}: {done.stdout} {done.stderr}"
        assert len(done.stderr.strip().splitlines()) == 1, f"{name}: {done.stderr}"
        assert done.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump.lammpstrj"]


def test_wrong_sites_and_options(ufp, cold):
    done = ufp("sites", cold, *RUN, "--ligand", "S", "--sites", "four")
    assert done.returncode == 2
    assert "coordination numbers such as 4,6" in done.stderr
    assert "give --ligand" in ufp("sites", cold, *RUN).stderr
    both = ufp("msd", cold, *RUN, "--selection", "element Li")
    assert both.returncode == 2
    assert "give --ion ELEMENT or --selection" in both.stderr
    assert ufp("msd", cold, *RUN, "--drift", "cell").returncode == 2
    assert ufp("hops", cold, *RUN, "--minimum-residence", "0.1").returncode == 2


def test_haven_ratio_and_conductivity(ufp, hot, tmp_path):
    done = ufp("msd", hot[0], *RUN, "--charge", "1", "--temperature", "500", "-o", tmp_path / "msd.h5", "--json")
    assert done.returncode in (0, 3), done.stderr
    document = json.loads(done.stdout)
    assert document["haven_ratio"]["ci_low"] < 1 < document["haven_ratio"]["ci_high"]
    assert document["conductivity"]["unit"] == "mS/cm"
    assert document["diffusion_x"]["ci_low"] < document["diffusion"]["value"] < document["diffusion_x"]["ci_high"]
    assert MSDResult.read(tmp_path / "msd.h5").parameters["temperature_K"] == 500


def test_scratch_gives_the_same_and_is_found_again(ufp, hot, tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    values = []
    for options in ((), ("--scratch", folder)):
        done = ufp("msd", hot[0], *RUN, *options, "--json")
        assert done.returncode == 0, done.stderr
        values.append(json.loads(done.stdout)["diffusion"]["value"])
    assert values[1] == pytest.approx(values[0], rel=1e-5)
    (file,) = folder.iterdir()
    written = file.stat().st_mtime_ns
    hops = ufp("hops", hot[0], *RUN, "--scratch", folder, "--json")
    assert abs(json.loads(hops.stdout)["interval"]["n_events"] - hot[1]) <= 0.08 * hot[1]
    assert [file] == list(folder.iterdir())
    assert file.stat().st_mtime_ns == written
    absent = ufp("msd", hot[0], *RUN, "--scratch", tmp_path / "absent")
    assert absent.returncode == 2
    assert "no such folder" in absent.stderr


def test_arrhenius(ufp, tmp_path):
    """Two runs that differ in their time step alone, called 400 K and 500 K: D differs by the factor."""
    dump, _ = synthetic(tmp_path, 1500, 8e-3)
    for step, kelvin in (("0.001", 400), ("0.0005", 500)):
        done = ufp(
            *("msd", dump, "--timestep", step, "--ion", "Li", "--temperature", kelvin),
            *("-o", tmp_path / f"msd-{kelvin}.h5"),
        )
        assert done.returncode == 0, done.stderr
    files = (tmp_path / "msd-400.h5", tmp_path / "msd-500.h5")
    done = ufp("arrhenius", *files, "--at", "300", "-o", tmp_path / "fit.json", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    expected = np.log(2) * 8.617333262e-5 / (1 / 400 - 1 / 500)
    assert document["activation_energy"]["value"] == pytest.approx(expected, rel=1e-9)
    assert "300 K is outside the fitted 400 to 500 K" in done.stderr
    assert "extrapolated" in document["at 300 K"]["method"]
    assert ufp("plot", tmp_path / "fit.json", "-o", tmp_path / "fit.svg").returncode == 0
    one = ufp("arrhenius", f"{files[0]}@500", files[1])
    assert one.returncode == 2
    assert "at least two different temperatures" in one.stderr


def lattice_dump(tmp_path, n_frames=400):
    """Six ions on the eight sites of a cube of sulphur tetrahedra, one of which hops back and forth."""
    rng = np.random.default_rng(5)
    sites = np.stack(np.meshgrid(*[[4.0, 12.0]] * 3, indexing="ij"), -1).reshape(-1, 3)
    tetrahedron = 2.4 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
    ligands = (sites[:, None] + tetrahedron).reshape(-1, 3) + rng.normal(0, 0.05, (n_frames, 32, 3))
    ions = sites[:6] + rng.normal(0, 0.1, (n_frames, 6, 3))
    away = (np.arange(n_frames) // 40) % 2 == 1
    ions[away, 5] += sites[7] - sites[5]
    return write_dump(tmp_path / "dump.lammpstrj", ions, ligands), sites


def test_networks_stays_and_figures(ufp, tmp_path):
    dump, sites = lattice_dump(tmp_path)
    Atoms("Li8", positions=sites, cell=[BOX] * 3, pbc=True).write(tmp_path / "sites.extxyz")
    for rule, options in (("reference", ("--reference", tmp_path / "sites.extxyz")), ("density", ())):
        file = tmp_path / f"{rule}.h5"
        done = ufp("sites", dump, *RUN, "--by", rule, *options, "-o", file, "--json")
        assert done.returncode in (0, 3), done.stderr
        network = SiteNetwork.read(file)
        assert sorted(network.edge_count.tolist()) == [4, 5]
        assert len(network.kind) == (8 if rule == "reference" else 7)
        assert network.back_fraction.value == 1
        assert json.loads(done.stdout)["n_changes_settled"] == 9
    labelled = ufp("hops", dump, *RUN, "--labels", tmp_path / "reference.h5", "--paths", tmp_path / "paths.h5")
    assert labelled.returncode == 3, labelled.stderr
    ligand = ("--ligand", "S", "--radius", "3.2")
    ufp("sites", dump, *RUN, *ligand, "-o", tmp_path / "labels.h5")
    drawn = ufp(
        *("plot", tmp_path / "paths.h5", "--kind", "trajectories", "--sites", tmp_path / "labels.h5"),
        *("-o", tmp_path / "paths.png"),
    )
    assert drawn.returncode == 0, drawn.stderr
    missing = ufp("sites", dump, *RUN, "--by", "reference")
    assert missing.returncode == 2
    assert "--reference FILE" in missing.stderr


def test_escape(ufp, tmp_path):
    """Escape from the tetrahedra around a phosphorus at each site."""
    dump, sites = lattice_dump(tmp_path)
    text = dump.read_text().splitlines()
    lines, atoms = [], 0
    for line in text:
        lines.append("46" if line == "38" and lines[-1] == "ITEM: NUMBER OF ATOMS" else line)
        atoms = 0 if line.startswith("ITEM: ATOMS") else atoms + 1
        if lines[4:5] and atoms == 38 and line.split()[0] == "38":
            lines += [f"{39 + k} P {x} {y} {z}" for k, (x, y, z) in enumerate(sites)]
    dump.write_text("\n".join(lines) + "\n")
    escape = ("--ligand", "S", "--escape", "P", "-o", tmp_path / "escape.h5", "--json")
    done = ufp("sites", dump, *RUN, *escape)
    assert done.returncode in (0, 3), done.stderr
    document = json.loads(done.stdout)
    assert document["rate"]["n_events"] == 9
    assert document["parameters"]["n_polyanions"] == 8
    assert document["parameters"]["slowest_rate_seen"] == pytest.approx(1e12 / 400)
    assert "sees rates of 2.5e+09 to" in done.stderr


@pytest.mark.parametrize("verb", ["msd", "hops", "sites"])
def test_help_shows_examples(ufp, verb):
    done = ufp(verb, "--help")
    assert done.returncode == 0
    assert f"ufp {verb} dump.lammpstrj --log log.lammps" in done.stdout
