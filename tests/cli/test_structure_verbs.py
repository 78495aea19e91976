"""ufp rdf, vdos, angles, vanhove, compare on a dump of rattling polyanions and walking ions."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from ufpnmr.cli import main
from ufpnmr.errors import InputError
from ufpnmr.plots import curve
from ufpnmr.results.angles import AngleResult, IonDensity
from ufpnmr.results.comparison import Comparison
from ufpnmr.results.rdf import RDFResult
from ufpnmr.results.runs import RunAverage
from ufpnmr.results.van_hove import VanHoveResult
from ufpnmr.results.vdos import VDOSResult

BOX = 12.0
CORNERS = 2.05 * np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / np.sqrt(3)
TIMESTEP = ("--timestep", "0.001")


def write_dump(path, seed, n_frames=1100, every=5):
    """8 PS4 whose atoms swing at 100 to 300 cm⁻¹, 20 Li on random walks; velocities as written by LAMMPS."""
    rng = np.random.default_rng(seed)
    centres = np.stack(np.meshgrid(*[[3.0, 9.0]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    frame = np.concatenate([centres, (centres[:, None] + CORNERS).reshape(-1, 3)])
    time = np.arange(n_frames) * every * 1e-3
    omega = 2 * np.pi * rng.uniform(100, 300, frame.shape) / 33.356
    phase = rng.uniform(0, 2 * np.pi, frame.shape) + omega * time[:, None, None]
    swing, speed = 0.06 * np.sin(phase), 0.06 * omega * np.cos(phase)
    kicks = rng.normal(0, 0.05, (n_frames, 20, 3))
    walk = rng.uniform(0, BOX, (20, 3)) + np.cumsum(kicks, axis=0)
    positions = np.concatenate([walk, frame + swing], axis=1)
    velocities = np.concatenate([kicks / (every * 1e-3), speed], axis=1)
    elements = ["Li"] * 20 + ["P"] * 8 + ["S"] * 32
    lines = []
    for t in range(n_frames):
        lines += ["ITEM: UNITS", "metal"] if t == 0 else []
        lines += ["ITEM: TIMESTEP", str(t * every), "ITEM: NUMBER OF ATOMS", "60"]
        lines += ["ITEM: BOX BOUNDS pp pp pp", *[f"0 {BOX}"] * 3, "ITEM: ATOMS id element xu yu zu vx vy vz"]
        rows = np.concatenate([positions[t], velocities[t]], axis=1)
        lines += [
            f"{k + 1} {element} " + " ".join(f"{x:.5f}" for x in row)
            for k, (element, row) in enumerate(zip(elements, rows, strict=True))
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def call(*arguments):
    """The command in this process: its exit code and what it printed; errors are raised."""
    done = CliRunner().invoke(main, [str(word) for word in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


@pytest.fixture(scope="module")
def dumps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [write_dump(folder / f"run{seed}.lammpstrj", seed) for seed in (1, 2)]


VERBS = {
    "rdf": (("--r-max", "5"), RDFResult, "P-S first peak"),
    "vdos": (("--segment", "5", "--smoothing", "40"), VDOSResult, "S band centre"),
    "vanhove": (("--ion", "Li"), VanHoveResult, "largest concerted signal"),
    "angles": (("--centre", "P", "--ligand", "S", "--cutoff", "15"), AngleResult, "theta mean"),
}


@pytest.mark.parametrize("verb", VERBS)
def test_one_run(ufp, dumps, tmp_path, verb):
    options, kind, quantity = VERBS[verb]
    done = ufp(verb, dumps[0], *TIMESTEP, *options, "-o", tmp_path / "x.h5", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    result = kind.read(tmp_path / "x.h5")
    assert result.records[quantity].value == document[quantity]["value"]
    assert result.provenance["inputs"].keys() == {"run1.lammpstrj"}
    expected = {"P-S first peak": 2.05, "theta mean": 60.0}.get(quantity)
    if expected is not None:
        assert document[quantity]["value"] == pytest.approx(expected, rel=0.02)
    with pytest.raises(InputError, match="--force"):
        call(verb, dumps[0], *TIMESTEP, *options, "-o", tmp_path / "x.h5")
    call("plot", tmp_path / "x.h5", "-o", tmp_path / "x.svg")
    assert (tmp_path / "x.svg").stat().st_size > 5000


def test_runs_are_averaged_from_trajectories_and_from_results_alike(dumps, tmp_path):
    options = ("--r-max", "5", "--pair", "P-S")
    call("rdf", *dumps, *options, "-o", tmp_path / "direct.h5")
    for number, dump in enumerate(dumps):
        call("rdf", dump, *options, "-o", tmp_path / f"{number}.json")
    _, stdout, _ = call("rdf", tmp_path / "0.json", tmp_path / "1.json", "-o", tmp_path / "combined.h5", "--json")
    a, b = RunAverage.read(tmp_path / "direct.h5"), RunAverage.read(tmp_path / "combined.h5")
    assert a.n_runs == b.n_runs == 2
    np.testing.assert_array_equal(a.mean["g"], b.mean["g"])
    assert len(json.loads(stdout)["run_values"]["P-S first peak"]) == 2
    assert call("plot", tmp_path / "direct.h5", "--kind", "n", "-o", tmp_path / "n.png")[0] == 0
    call("rdf", dumps[1], "--r-max", "4", "--pair", "P-S", "-o", tmp_path / "short.h5")
    with pytest.raises(InputError, match="run 2: field r differs"):
        call("rdf", tmp_path / "0.json", tmp_path / "short.h5")


def test_ions_around_polyanions_and_maps(dumps, tmp_path):
    around = ("--centre", "P", "--ligand", "S", "--ion", "Li")
    call("angles", dumps[0], *TIMESTEP, *around, "-o", tmp_path / "rho.h5")
    assert IonDensity.read(tmp_path / "rho.h5").density.shape == (80, 180)
    call("plot", tmp_path / "rho.h5", "--kind", "reduced", "-o", tmp_path / "rho.png")
    options = (*TIMESTEP, "--ion", "Li", "--preset", "kaiser2024", "--max-lag", "2")
    call("vanhove", dumps[0], *options, "-o", tmp_path / "map.h5")
    assert len(VanHoveResult.read(tmp_path / "map.h5").lag) == 61
    for kind in ("gs", "gd", "radial", "alpha2", "concerted"):
        call("plot", tmp_path / "map.h5", "--kind", kind, "-o", tmp_path / f"{kind}.png")
    call("vanhove", dumps[1], *options, "-o", tmp_path / "map2.h5")
    call("vanhove", tmp_path / "map.h5", tmp_path / "map2.h5", "-o", tmp_path / "mean.h5")
    call("plot", tmp_path / "mean.h5", "--kind", "radial", "-o", tmp_path / "mean.png")
    drawn = curve(RunAverage.read(tmp_path / "mean.h5"), "radial").collections[0].get_array()
    both = [VanHoveResult.read(tmp_path / f"{name}.h5").radial for name in ("map", "map2")]
    np.testing.assert_allclose(drawn, np.mean(both, axis=0).T, rtol=1e-9, atol=1e-12)
    call("angles", dumps[0], *TIMESTEP, "--centre", "P", "--ligand", "S", "--cutoff", "20", "-o", tmp_path / "theta.h5")
    call("plot", tmp_path / "theta.h5", "--kind", "traces", "-o", tmp_path / "t.svg")
    assert (tmp_path / "t.svg").is_file()
    with pytest.raises(InputError, match="did you mean 'rho_theta'"):
        call("plot", tmp_path / "theta.h5", "--kind", "rho_thet", "-o", tmp_path / "u.svg")


def test_tetrahedra_from_a_list(dumps, tmp_path):
    (tmp_path / "list.txt").write_text("# centre, corners\n21 29 30 31 32\n22 33 34 35 36\n")
    options = (*TIMESTEP, "--list", tmp_path / "list.txt", "--kind", "bond")
    document = json.loads(call("angles", dumps[0], *options, "--json")[1])
    assert document["theta mean"]["value"] == pytest.approx(109.4, abs=0.5)
    assert document["parameters"]["n_angles"] == 12
    (tmp_path / "list.txt").write_text("21 29 x 31 32\n")
    with pytest.raises(InputError, match=r"list\.txt:1: expected atom ids"):
        call("angles", dumps[0], *options)


def test_compare(ufp, dumps, tmp_path):
    options = (*TIMESTEP, "--segment", "5", "--centre", "P", "--ligand", "S", "--ion", "Li", "--r-max", "5")
    output = ("-o", tmp_path / "c.json", "--markdown", tmp_path / "c.md", "--names", "first", "second")
    done = ufp("compare", dumps[0], dumps[1], *options, *output, "--preset", "kaiser2024", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    analyses = {row["analysis"] for row in document["curves"]}
    # 15 cm⁻¹ and order 3 need a longer segment: said, not silently dropped
    assert "vdos left out" in done.stderr
    assert analyses == {"rdf", "msd", "vanhove", "angles PS4", "Li around PS4"}
    assert "| quantity | first | second |" in (tmp_path / "c.md").read_text(encoding="utf-8")
    assert Comparison.read(tmp_path / "c.json").curves == document["curves"]
    call("plot", tmp_path / "c.json", "-o", tmp_path / "c.png")
    assert (tmp_path / "c.png").is_file()


def test_compare_folders_of_results(dumps, tmp_path):
    for number, dump in enumerate(dumps):
        folder = tmp_path / f"set{number}"
        folder.mkdir()
        for verb in ("rdf", "vdos"):
            call(verb, dump, *TIMESTEP, *VERBS[verb][0], "-o", folder / f"{verb}.h5")
    assert "vdos: S band centre / cm^-1" in call("compare", tmp_path / "set0", tmp_path / "set1")[1]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="neither results nor trajectories"):
        call("compare", tmp_path / "set0", tmp_path / "empty")


def test_bad_input_is_one_line_and_exit_code_2(ufp, dumps, tmp_path):
    for verb in VERBS:
        done = ufp(verb, tmp_path / "nothing.lammpstrj", *TIMESTEP, *VERBS[verb][0])
        assert done.returncode == 2, f"{verb}: {done.stdout} {done.stderr}"
        assert len(done.stderr.strip().splitlines()) == 1, f"{verb}: {done.stderr}"
        assert done.stdout == ""


@pytest.mark.parametrize(
    ("verb", "arguments", "text"),
    [
        ("rdf", ("--pair", "LiS"), "two elements"),
        ("rdf", ("--pair", "Na-S"), "no atom of element 'Na'"),
        ("rdf", ("-o", "absent/x.h5"), "no such folder"),
        ("vdos", (), "time unknown"),
        ("vanhove", ("--ion", "Li"), "time unknown"),
        ("vanhove", TIMESTEP, "which ions move"),
        ("vanhove", (*TIMESTEP, "--selection", "element Na"), "holds no atom"),
        ("angles", ("--centre", "P", "--ligand", "S"), "time unknown"),
        ("angles", TIMESTEP, "which atoms form tetrahedra"),
        ("angles", (*TIMESTEP, "--lattice", "S", "--centre", "P", "--ligand", "S"), "give one of"),
        ("angles", (*TIMESTEP, "--lattice", "S", "--ion", "Li"), "--ion needs"),
        ("angles", (*TIMESTEP, "--lattice", "S", "--kind", "bond"), "need centre atoms"),
    ],
)
def test_what_is_wrong_is_said(dumps, verb, arguments, text):
    with pytest.raises(InputError, match=text):
        call(verb, dumps[0], *arguments)


@pytest.mark.parametrize("verb", [*VERBS, "compare"])
def test_help_shows_examples(verb):
    assert f"  ufp {verb} " in call(verb, "--help")[1]
