import dataclasses
import json
from typing import ClassVar

import numpy as np
import pytest

from ufpnmr.errors import InputError
from ufpnmr.results import Record, StoredResult, array


@dataclasses.dataclass(frozen=True, repr=False)
class Curve(StoredResult):
    schema: ClassVar[str] = "test-curve"
    lag: np.ndarray = array("ps", "(L,)")
    extra: np.ndarray | None = array("1", "(L,)")
    rate: Record
    parameters: dict


@pytest.fixture
def curve():
    return Curve(
        lag=np.arange(3.0),
        extra=None,
        rate=Record(2.0, "1/s", "test", ci_low=1.0, ci_high=4.0, n_events=5, status="few_events"),
        parameters={"drift": "framework", "list": [1, 2]},
        provenance={"command": "x"},
    )


@pytest.mark.parametrize("name", ["curve.h5", "curve.json"])
def test_round_trip(curve, tmp_path, name):
    curve.write(tmp_path / name)
    again = Curve.read(tmp_path / name)
    np.testing.assert_array_equal(again.lag, curve.lag)
    assert again.extra is None
    assert (again.rate, again.parameters, again.provenance) == (curve.rate, curve.parameters, curve.provenance)
    assert not list(tmp_path.glob("*.partial"))


def test_hdf5_names_unit_shape_and_schema(curve, tmp_path):
    h5py = pytest.importorskip("h5py")
    curve.write(tmp_path / "c.h5")
    with h5py.File(tmp_path / "c.h5") as file:
        assert dict(file["lag"].attrs) == {"unit": "ps", "shape": "(L,)"}
        assert file.attrs["schema"] == "test-curve"


def test_wrong_files_are_refused(curve, tmp_path):
    class Other(Curve):
        schema: ClassVar[str] = "other"

    curve.write(tmp_path / "c.h5")
    with pytest.raises(InputError, match="expected a other file, found test-curve"):
        Other.read(tmp_path / "c.h5")
    with pytest.raises(InputError, match="no such file"):
        Curve.read(tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    with pytest.raises(InputError, match="another format or a truncated file"):
        Curve.read(tmp_path / "text.h5")
    curve.write(tmp_path / "c.json")
    document = json.loads((tmp_path / "c.json").read_text())
    document["schema_version"] = 99
    (tmp_path / "c.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="version 99 is newer"):
        Curve.read(tmp_path / "c.json")
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match=r"broken\.json:1: not JSON"):
        Curve.read(tmp_path / "broken.json")


def test_record_knows_its_statuses():
    with pytest.raises(InputError, match="did you mean 'no_decay'"):
        Record(None, "ns", "fit", status="no_decai")
    assert Record(1.0, "ns", "fit").trustworthy
    bound = Record(None, "ns", "fit", ci_low=3.0, status="no_decay")
    assert not bound.trustworthy
    assert str(bound) == "> 3 ns (no_decay)"
    assert Record.from_dict(bound.to_dict()) == bound
