"""inputs/lps/in.efg and in.efg-average: frames of tensors, whole or averaged, with the restarts of in.md."""

import lzma

import numpy as np
import pytest
from ase.io import read

from ufpnmr import EFGModel, TensorSeries

SMALL = {"steps": 50, "thermo": 10, "dump": 25, "restart": 50}


def tensors(md, name, prefix="c"):
    """Steps (T,) and V (T, N, 6) of a dump of tensors."""
    steps, V = [], []
    for frame in (md.folder / f"{name}.lammpstrj").read_text().split("ITEM: TIMESTEP\n")[1:]:
        head, _, rows = frame.partition("ITEM: ATOMS ")
        columns, *rows = rows.splitlines()
        assert columns == "id type element xu yu zu " + " ".join(f"{prefix}_efg[{k}]" for k in range(1, 7))
        steps.append(int(head.split()[0]))
        words = [row.split() for row in rows]
        assert {row[2] for row in words} == {"Li"}
        V.append([[float(x) for x in row[6:]] for row in words])
    return np.array(steps), np.array(V)


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("deck", ["efg", "efg-average"])
def test_run_equals_the_reference_log(deck, ranks, md, lps):
    (log,) = lps.glob(f"log.*.{deck}.g++.{ranks}")
    sample = {"sample": 5} if deck == "efg-average" else {}
    result = md(ranks, script=f"in.{deck}", potential="LPS.uf3", **SMALL, **sample)
    assert result.returncode == 0, result.stdout + result.stderr
    expected = md.thermo(log)
    assert expected[:, 0].tolist() == [0, 10, 20, 30, 40, 50]
    np.testing.assert_allclose(md.thermo(f"{deck}.log"), expected, rtol=1e-6, atol=1e-4)
    assert "compute efg efg/atom: LPS.efg, " in log.read_text()


def test_frames_are_what_positions_predict(md, lps):
    """The same run with frames of positions."""
    assert md(script="in.efg", digits="%.9f", **SMALL).returncode == 0
    assert md(steps=50, dump=25, restart=50, digits="%.9f").returncode == 0
    steps, elements, positions, cells = md.frames()
    found = tensors(md, "efg")
    assert steps.tolist() == found[0].tolist() == [0, 25, 50]
    model, li = EFGModel.read(lps / "LPS.efg"), np.flatnonzero(elements == "Li")
    for x, cell, V in zip(positions, cells, found[1], strict=True):
        expected = model.gradients(cell, x, list(elements), li, precision="double")
        np.testing.assert_allclose(V, expected, rtol=0, atol=1e-5 * np.sqrt(np.mean(expected**2)))


def test_averages_and_restarts(md):
    """A frame is the mean of the samples before it, also when the run was continued in between."""
    assert md(script="in.efg", **{**SMALL, "steps": 60, "dump": 5}).returncode == 0
    _, V = tensors(md, "efg")
    expected = V[1:].reshape(3, 4, *V.shape[1:]).mean(axis=1)
    for steps in (40, 60):
        options = {**SMALL, "steps": steps, "dump": 20, "restart": 40}
        result = md(2, script="in.efg-average", sample=5, **options)
        assert result.returncode == 0, result.stdout + result.stderr
    steps, found = tensors(md, "efg-average", "f")
    assert steps.tolist() == [20, 40, 60]
    rms = np.sqrt(np.mean(expected**2))
    np.testing.assert_allclose(found[:2], expected[:2], rtol=0, atol=1e-4 * rms)
    np.testing.assert_allclose(found[2], expected[2], rtol=0, atol=1e-3 * rms)


@pytest.mark.parametrize(("deck", "options"), [("efg", ()), ("efg-average", ("--column", "f_efg"))])
def test_frames_become_a_tensor_series(deck, options, md, ufp):
    assert md(script=f"in.{deck}", **{**SMALL, "dump": 20, "steps": 60}).returncode == 0
    units = ("--efg-units", "V/Ang^2") if options else ()
    done = ufp("efg", "import", f"{deck}.lammpstrj", "--log", f"{deck}.log", "-o", "efg.h5", *options, *units)
    assert done.returncode == 0, done.stderr
    series = TensorSeries.read(md.folder / "efg.h5")
    steps, V = tensors(md, deck, "f" if options else "c")
    np.testing.assert_allclose(series.time, 0.002 * (steps - steps[0]), atol=1e-9)
    np.testing.assert_allclose(series.V, V, rtol=0, atol=1e-6)


def test_no_model(md):
    result = md(script="in.efg", steps=1, model="none.efg")
    assert result.returncode != 0
    assert "cannot open none.efg: expected a .efg model here or in LAMMPS_POTENTIALS" in result.stdout + result.stderr


def test_shipped_model_knows_the_labels(lps):
    """LPS.efg was trained on these: its error is below that of its cross-validation."""
    with lzma.open(lps / "labels" / "lps-pbe-efg.extxyz.xz", "rt", encoding="utf-8") as file:
        structures = list(read(file, ":", format="extxyz"))
    model = EFGModel.read(lps / "LPS.efg")
    errors = norms = 0.0
    for atoms in structures[::3]:
        lithium = atoms.symbols == "Li"
        labels = atoms.arrays["efg"].reshape(-1, 3, 3)[lithium]
        errors += np.sum((model.predict(atoms) - labels) ** 2)
        norms += np.sum(labels**2)
    error = np.sqrt(errors / norms)
    assert 0.01 < error < 0.17, error
