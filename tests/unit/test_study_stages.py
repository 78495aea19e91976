"""Which stages run after which change; the work itself is replaced by writing a file."""

import dataclasses
import os

import pytest

from ufpnmr.errors import InputError
from ufpnmr.study import Study, read_config
from ufpnmr.study.ledger import Ledger


class Silent:
    def __init__(self, *_):
        pass

    def update(self, n=1):
        pass

    def close(self):
        pass


def study_of(folder, name="study.toml"):
    study = Study(read_config(folder / name), 1, lambda _: None, Silent)
    for key, stage in study.ledger.stages.items():
        study.ledger.stages[key] = dataclasses.replace(stage, run=lambda resume, path=stage.output: fake(path))
    return study


def fake(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("result", encoding="utf-8")


@pytest.fixture
def done(study_folder):
    ran = study_of(study_folder).run()
    assert ran[:3] == ["md", "trajectory", "efg"]
    assert ran[-2:] == ["results", "report"]
    assert study_of(study_folder).run() == []
    return study_folder


def edit(old, new):
    def change(folder):
        path = folder / "study.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def append(name):
    def change(folder):
        with open(folder / name, "a", encoding="utf-8") as stream:
            stream.write("\n# changed\n")

    return change


END = {"results", "report"}
EFG_FIGURES = {"figure histogram-cq", "figure histogram-omega_q-b", "figure angles-b-counts", "figure angles-b-density"}
CURVES = {"omega_q b": "acf-omega_q-b", "cq": "acf-cq", "powder": "acf-powder"}
ACF = {f"acf {name}" for name in CURVES}
DECAY = {f"decay {name}" for name in CURVES}
ACF_FIGURES = {f"figure {name}" for name in CURVES.values()}
NMR = ACF | DECAY | ACF_FIGURES
HOPS = {"hops", "figure traces", "figure hop-scan"}
VAN_HOVE = {"vanhove", *(f"figure vanhove-{kind}" for kind in ("radial", "gd", "concerted", "alpha2"))}
MOTION = {"trajectory", "msd", "figure msd", *HOPS, *VAN_HOVE}
RDF = {"rdf", "figure rdf", "figure rdf-neighbours"}
VDOS = {"vdos", "figure vdos"}
TETRAHEDRA = {"angles", "figure tetrahedra-theta", "figure tetrahedra-traces"}
AROUND = {"angles ion", "figure around-density", "figure around-reduced"}
STRUCTURE = RDF | VDOS | TETRAHEDRA | AROUND
SITES = {"sites", "directions", "figure sites", "figure histogram-cq", "figure histogram-omega_q-b", *HOPS}
ALL = {"md", "efg", *EFG_FIGURES, *NMR, *MOTION, *SITES, *STRUCTURE, *END}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (append("in.md"), ALL),
        (append("data.beta-384"), ALL),
        (append("LPS-starter.uf3"), ALL),
        (edit("temperature_K = 600", "temperature_K = 700"), ALL),
        (edit("steps = 600", "steps = 700"), ALL),
        (edit("seed = 4711", "seed = 4712"), ALL),
        (edit('"framework"', '"framework"'), set()),
        # frames every 5 fs are near enough for angular velocities
        (edit("timestep_ps = 0.002", "timestep_ps = 0.001"), ALL | {"figure tetrahedra-omega"}),
        (edit('drift = "framework"', 'drift = "com"'), MOTION | END),
        (append("point-charges.toml"), {"efg", "directions", *EFG_FIGURES, *NMR, *END}),
        (edit("Pnma", "Pnma again"), {"efg", "directions", *EFG_FIGURES, *NMR, *END}),
        (edit('"7Li"', '"6Li"'), NMR | EFG_FIGURES | END | {"directions"}),
        (
            edit("b = [0, 1, 0]", "b = [0, 1, 1]"),
            {"directions", "acf omega_q b", "decay omega_q b", "figure acf-omega_q-b", *EFG_FIGURES, *END},
        ),
        (edit('isotope = "7Li"', 'isotope = "7Li"\naverage_ps = 0.05'), NMR | END),
        (edit("[hops]", "[decay]\ngamma = 0.5\n[hops]"), DECAY | ACF_FIGURES | END),
        (edit("minimum_residence_ps = 0.1", "minimum_residence_ps = 0.2"), SITES | END),
        (edit("minimum_residence_ps = 0.1", "minimum_residence_ps = 0.1\nouter_radius_A = 1.5"), HOPS | END),
        (edit("[rdf]", "[rdf]\nr_max_A = 8"), RDF | END),
        (edit("smoothing_cm = 600", "smoothing_cm = 650"), VDOS | END),
        (edit("[angles]", "[angles]\nkind = 'bond'"), TETRAHEDRA | END),
        (edit("[angles]", "[angles]\nbond_cutoff_A = 2.5"), TETRAHEDRA | AROUND | END),
        (edit("max_lag_ps = 0.5", "max_lag_ps = 0.4"), VAN_HOVE | END),
        (edit("radius_A = 3.3", "radius_A = 3.2"), SITES | END),
        (edit('title = "Beta', 'title = "The beta'), END),
        (edit("axes =", 'expected_status = { diffusion = "ok" }\naxes ='), set()),
        (edit("dump_every = 5", "dump_every = 5\nranks = 2"), set()),
        (lambda folder: (folder / "out" / "msd.h5").unlink(), {"msd", "figure msd", *END}),
        (lambda folder: fake_change(folder / "out" / "hops.h5"), HOPS | END),
        (lambda folder: (folder / "out" / "figures" / "msd.svg").unlink(), {"figure msd", "report"}),
        (lambda folder: os.utime(folder / "LPS-starter.uf3"), set()),
    ],
)
def test_a_change_reruns_exactly_what_depends_on_it(study_folder, change, expected):
    edit('"element Li"', '"element Li"\ndrift = "framework"')(study_folder)
    study_of(study_folder).run()
    change(study_folder)
    study = study_of(study_folder)
    stale = {name for name, state in study.states().items() if state != "done"}
    assert set(study.run()) == expected
    assert stale == expected
    assert study_of(study_folder).run() == []


def fake_change(path):
    path.write_text("someone else's", encoding="utf-8")


def test_only_until_force(done):
    assert study_of(done).run(only="acf", force=True) == ["acf omega_q b", "acf cq", "acf powder"]
    assert study_of(done).run(until="efg", force=True) == ["md", "trajectory", "efg"]
    edit('"7Li"', '"6Li"')(done)
    with pytest.raises(InputError, match="needs 'acf cq', which is not done"):
        study_of(done).run(only="decay cq")
    with pytest.raises(InputError, match="did you mean 'decay'"):
        study_of(done).run(only="deacy")


def test_failed_stage_is_unfinished_and_runs_again(study_folder):
    study = study_of(study_folder)

    def fail(_):
        raise RuntimeError("no")

    study.ledger.stages["efg"] = dataclasses.replace(study.ledger.stages["efg"], run=fail)
    with pytest.raises(RuntimeError):
        study.run()
    assert study_of(study_folder).states()["efg"] == "unfinished"
    again = study_of(study_folder)
    resumed = []
    efg = again.ledger.stages["efg"]
    again.ledger.stages["efg"] = dataclasses.replace(efg, run=lambda resume: (resumed.append(resume), fake(efg.output)))
    assert again.run()[0] == "efg"
    assert resumed == [True]


@pytest.mark.parametrize(
    ("change", "continued"),
    [
        (edit("steps = 600", "steps = 900"), True),
        (edit("steps = 600", "steps = 300"), False),
        (edit("seed = 4711", "seed = 4712"), False),
    ],
)
def test_more_steps_continue_the_md_anything_else_starts_anew(done, change, continued):
    change(done)
    study = study_of(done)
    resumed = []
    md = study.ledger.stages["md"]
    study.ledger.stages["md"] = dataclasses.replace(md, run=lambda resume: (resumed.append(resume), fake(md.output)))
    study.run(until="md")
    assert resumed == [continued]


def test_two_runs_in_one_folder(study_folder, monkeypatch):
    monkeypatch.setattr("ufpnmr.folder_lock._PATIENCE", 0.1)
    first, second = study_of(study_folder), study_of(study_folder)
    with first.ledger.locked(), pytest.raises(InputError, match=f"process {os.getpid()}"):
        second.run()
    assert second.run()


def test_a_broken_stamp_counts_as_missing(done):
    study = study_of(done)
    (done / "out" / ".study" / "msd.json").write_text("{", encoding="utf-8")
    assert study.states()["msd"] == "missing"
    assert isinstance(study.ledger, Ledger)
