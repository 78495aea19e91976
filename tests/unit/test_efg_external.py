"""Tensors of other programs become a tensor series: extended XYZ and LAMMPS dumps."""

import warnings

import numpy as np
import pytest
from ase.io import write

import efg_data
import ufpnmr.trajectory
from ufpnmr import TensorSeries
from ufpnmr.efg import predict_series
from ufpnmr.efg.external import import_series
from ufpnmr.efg.tensors import to_voigt6
from ufpnmr.errors import InputError

CHARGES = efg_data.CHARGES
TURN = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
TURN *= np.linalg.det(TURN)


def frames(count=3, **options):
    """Structures of one run with the tensors of their Li, NaN elsewhere."""
    out = efg_data.labelled(count, **options)
    for k, atoms in enumerate(out):
        atoms.info = {"efg_units": atoms.info["efg_units"], "time": 0.5 * k}
    return out


def save(path, structures):
    write(path, structures, format="extxyz", columns=["symbols", "positions", "efg"])
    return path


def write_dump(path, structures, column="c_efg", scale=1.0):
    """LAMMPS dump of a cell with its axes along x, y, z; zeros at atoms outside the group."""
    lines = []
    for k, atoms in enumerate(structures):
        lines += ["ITEM: TIMESTEP", str(250 * k), "ITEM: NUMBER OF ATOMS", str(len(atoms)), "ITEM: BOX BOUNDS pp pp pp"]
        lines += [f"0.0 {length!r}" for length in atoms.cell.lengths().tolist()]
        lines += ["ITEM: ATOMS id element xu yu zu " + " ".join(f"{column}[{i}]" for i in range(1, 7))]
        V = np.nan_to_num(to_voigt6(atoms.arrays["efg"].reshape(-1, 3, 3))) * scale
        for i, (symbol, x, v) in enumerate(zip(atoms.symbols, atoms.positions, V, strict=True)):
            lines.append(" ".join([str(i + 1), symbol, *(f"{number:.9g}" for number in (*x, *v))]))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("units", ["V/Ang^2", "au"])
def test_extxyz_equals_the_prediction_it_was_made_with(tmp_path, units):
    path = save(tmp_path / "a.extxyz", frames(units=units))
    universe = ufpnmr.trajectory.open(path)
    direct = predict_series(CHARGES, universe, output=tmp_path / "direct.h5")
    said = []
    size = import_series(universe, tmp_path / "a.h5", axes="x=a", start_time=2.0, inputs=(path,), progress=said.append)
    found = TensorSeries.read(tmp_path / "a.h5")
    assert size == (3, 12)
    assert sum(said) == 3
    np.testing.assert_array_equal(found.ids, direct.ids)
    np.testing.assert_allclose(found.time, [2.0, 2.5, 3.0])
    np.testing.assert_allclose(found.V, direct.V, atol=2e-5)
    np.testing.assert_allclose(found.cell, direct.cell)
    assert found.engine == f"imported from a.extxyz (efg, {units})"
    assert found.axes == "x=a"
    assert "a.extxyz" in found.provenance["inputs"]


def test_a_turned_cell_turns_its_tensors(tmp_path):
    """A trajectory is handed out with a along x; its tensors follow."""
    turned = frames()
    for atoms in turned:
        V = atoms.arrays["efg"].reshape(-1, 3, 3)
        atoms.arrays["efg"] = (TURN @ V @ TURN.T).reshape(-1, 9)
        atoms.set_cell(atoms.cell.array @ TURN.T)
        atoms.positions = atoms.positions @ TURN.T
    universe = ufpnmr.trajectory.open(save(tmp_path / "a.extxyz", turned))
    import_series(universe, tmp_path / "a.h5")
    direct = predict_series(CHARGES, universe, output=tmp_path / "direct.h5")
    np.testing.assert_allclose(TensorSeries.read(tmp_path / "a.h5").V, direct.V, atol=2e-5)


@pytest.mark.parametrize(("column", "units", "scale"), [("c_efg", None, 1.0), ("f_mean", "au", 1 / 97.17362433)])
def test_dump_columns(tmp_path, column, units, scale):
    universe = ufpnmr.trajectory.open(write_dump(tmp_path / "d.lammpstrj", frames(), column, scale), timestep=0.002)
    direct = predict_series(CHARGES, universe, output=tmp_path / "direct.h5")
    import_series(universe, tmp_path / "a.h5", column=column, units=units, origin="another model")
    found = TensorSeries.read(tmp_path / "a.h5")
    np.testing.assert_array_equal(found.ids, direct.ids)
    np.testing.assert_allclose(found.time, [0, 0.5, 1.0])
    np.testing.assert_allclose(found.V, direct.V, atol=2e-5)
    assert found.engine == "another model"
    import_series(universe, tmp_path / "b.h5", "id 2 3", column=column, units=units)
    np.testing.assert_array_equal(TensorSeries.read(tmp_path / "b.h5").ids, [2, 3])


def test_what_is_refused(tmp_path):
    output = tmp_path / "a.h5"

    def refused(message, structures, **options):
        universe = ufpnmr.trajectory.open(save(tmp_path / "a.extxyz", structures))
        with pytest.raises(InputError, match=message):
            import_series(universe, output, **options)

    unnamed = frames()
    for atoms in unnamed:
        del atoms.info["efg_units"]
    refused("frame 0: its tensors have no unit; give --efg-units", unnamed)
    refused("units of field gradients: expected V/Ang.2 or au, found 'Hz'", frames(), units="Hz")
    refused("are in V/Ang.2, but au was given", frames(), units="au")
    mixed = frames()
    del mixed[2].info["efg_units"]
    refused("frame 2: its tensors have no unit", mixed)
    hole = frames()
    hole[1].arrays["efg"][4] = np.nan
    refused("frame 1: expected a tensor of atom 5, found NaN", hole)
    refused("frame 0: expected a tensor of atom 13", frames(), selection="element P")
    refused("holds no atom", frames(), selection="element Na")
    strange = frames()
    strange[0].arrays["efg"][:12] += np.eye(3).ravel()
    refused("expected symmetric traceless tensors", strange)
    nothing = frames()
    for atoms in nothing:
        atoms.arrays["efg"][:] = np.nan
    refused("expected tensors, found none but zeros or NaN", nothing)
    missing = frames()
    for atoms in missing:
        del atoms.info["time"]
    refused("give --timestep", missing)
    dump = ufpnmr.trajectory.open(write_dump(tmp_path / "d.lammpstrj", frames()), timestep=0.002)
    with pytest.raises(InputError, match=r"columns c_other\[1\] to c_other\[6\].*found c_efg\[1\]"):
        import_series(dump, output, column="c_other", units="au")
    with pytest.raises(InputError, match=r"are in V/Ang\^2, but au was given"):
        import_series(dump, output, units="au")
    other = ufpnmr.trajectory.open(write_dump(tmp_path / "e.lammpstrj", frames(), "f_mean"), timestep=0.002)
    with pytest.raises(InputError, match="no unit; give --efg-units"):
        import_series(other, output, column="f_mean")
    assert not output.exists()
    output.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        import_series(dump, output)


def test_a_frame_without_tensors_does_not_take_those_of_the_frame_before(tmp_path):
    structures = frames()
    del structures[1].arrays["efg"]
    with open(tmp_path / "a.extxyz", "w") as file:
        for atoms in structures:
            columns = [name for name in ("symbols", "positions", "efg") if name != "efg" or "efg" in atoms.arrays]
            write(file, atoms, format="extxyz", columns=columns)
    with pytest.raises(InputError, match="frame 1: expected the array efg:R:9"):
        import_series(ufpnmr.trajectory.open(tmp_path / "a.extxyz"), tmp_path / "a.h5")


def test_more_than_rounding_is_said_once(tmp_path):
    structures = frames()
    for atoms in structures:
        atoms.arrays["efg"][:12] += 0.02 * np.eye(3).ravel()
    universe = ufpnmr.trajectory.open(save(tmp_path / "a.extxyz", structures))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        import_series(universe, tmp_path / "a.h5")
    assert [("(removed)" in str(each.message)) for each in caught] == [True]
    V = TensorSeries.read(tmp_path / "a.h5").V
    assert np.abs(V[..., :3].sum(axis=-1)).max() < 1e-6


def test_command(tmp_path, ufp):
    write_dump(tmp_path / "d.lammpstrj", frames(), "f_mean")
    done = ufp("efg", "import", "d.lammpstrj", "-o", "a.h5", "--timestep", "0.002", "--column", "f_mean")
    assert done.returncode == 2
    assert "give --efg-units" in done.stderr
    assert ufp("efg", "import", "d.lammpstrj").stderr == "ufp: error: expected -o FILE for the tensor series\n"
    done = ufp(
        *("efg", "import", "d.lammpstrj", "-o", "a.h5", "--timestep", "0.002", "--column", "f_mean"),
        *("--efg-units", "V/Ang^2", "--origin", "mean of ten"),
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("a.h5: 3 frames of 12 ions\n")
    series = TensorSeries.read(tmp_path / "a.h5")
    assert series.engine == "mean of ten"
    assert "d.lammpstrj" in series.provenance["inputs"]
