r"""The model file: one versioned binary file, little-endian, that needs neither HDF5 nor pickle.

Layout (docs: efg_training):

======  ======  ==========================================================================
offset  bytes   content
======  ======  ==========================================================================
0       8       magic ``89 55 46 50 45 46 47 0A`` (``\x89UFPEFG\n``)
8       4       format version, unsigned
12      4       endianness mark 0x01020304
16      8       length of the header in bytes, unsigned
24      4       CRC-32 of the header
28      4       zero
32              header: JSON in UTF-8; then zeros up to a multiple of 64
...             arrays, raw, C order, each at an offset (from the start of the file) that is a multiple of 64
======  ======  ==========================================================================

``required`` in the header lists the entries and arrays that a reader must understand; others may be ignored.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.efg.baseline import Baseline, ChargeBaseline, PolarisableBaseline
from ufpnmr.efg.descriptor import Descriptor, Frame, SelectedFeatures
from ufpnmr.efg.model import Check, EFGModel
from ufpnmr.errors import InputError
from ufpnmr.provenance import package_version

__all__ = [
    "MAGIC",
    "VERSION",
    "check_arrays",
    "read_arrays",
    "read_checks",
    "read_model",
    "write_arrays",
    "write_model",
]

VERSION = 1
MAGIC = b"\x89UFPEFG\n"
_POLARISABLE = 2
"""Version of the entry of a polarisable baseline; 1 has neither surroundings nor kernel."""
_MARK = 0x01020304
_PREFIX = struct.Struct("<8sIIQII")
_DTYPES = {"<f8", "<i8", "<i4"}
_ENTRIES = (
    *("property", "descriptor", "centres", "zeta", "normalisation", "label", "baseline", "polarisable", "features"),
    "arrays",
)
_ARRAYS = (
    *("coefficients", "active", "committee", "committee_baseline", "polarisable_coefficients"),
    *("tensors_mixing", "invariants_mixing"),
    *(f"check_{part}" for part in ("cell", "positions", "types", "structure", "centres", "expected")),
)
_PROPERTY = {"name": "efg", "rank": 2, "unit": "V/Ang^2", "definition": "V_ab = d2 phi / dx_a dx_b"}


def write_model(model: EFGModel, path: str | Path, *, force: bool = False) -> None:
    """Write a model; an existing file is replaced whole.

    Raises
    ------
    InputError
        The file exists and `force` is not given, or fewer than eight check environments.
    """
    beneath, coefficients = _baseline_entries(model.baseline)
    arrays = {
        "coefficients": model.coefficients,
        "polarisable_coefficients": coefficients,
        "active": model.active,
        "tensors_mixing": model.tensors.mixing,
        "invariants_mixing": model.invariants.mixing,
        "committee": model.committee,
        "committee_baseline": model.baseline_members,
        **check_arrays(model.checks, model.descriptor),
    }
    header = {
        "schema": "ufpnmr.EFGModel",
        "property": _PROPERTY,
        "descriptor": model.descriptor.to_dict(),
        "centres": list(model.centres),
        "zeta": model.zeta,
        "normalisation": {"invariants": "unit norm", "tensors": model.scale},
        "label": {"scale": model.label_scale, "unit": "V/Ang^2"},
        **beneath,
        "features": {
            name: {"l1 l2 q1 q2": features.channels.tolist(), "weighted": features.weighted}
            for name, features in (("tensors", model.tensors), ("invariants", model.invariants))
        },
        "calibration": {"alpha": model.alpha},
        "checks": {"periodic": [list(check.frame.periodic) for check in model.checks]},
        "training": model.training,
        "error": model.error,
        "metadata": model.metadata,
    }
    write_arrays(path, header, arrays, force=force)


def _baseline_entries(baseline: Baseline | None) -> tuple[dict[str, Any], NDArray[Any] | None]:
    """Return the entries of the header, and the coefficients of a polarisable baseline."""
    charges = baseline.charges if isinstance(baseline, ChargeBaseline) else {}
    entries: dict[str, Any] = {"baseline": {"charges": charges, "unit": "e"}}
    if not isinstance(baseline, PolarisableBaseline):
        return entries, None
    document = baseline.to_dict()
    del document["coefficients"]
    version = _POLARISABLE if baseline.surroundings or baseline.kernel is not None else 1
    return {**entries, "polarisable": {"version": version, **document}}, baseline.coefficients


def _baseline(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Baseline | None:
    charges, document = header["baseline"]["charges"], header.get("polarisable")
    if document is None:
        return ChargeBaseline(charges) if charges else None
    if not 1 <= document["version"] <= _POLARISABLE:
        raise InputError(
            f"polarisable baseline of version {document['version']}; this ufpnmr reads versions up to {_POLARISABLE}; "
            "install a newer one"
        )
    return PolarisableBaseline.from_dict(document, arrays["polarisable_coefficients"])


def write_arrays(
    path: str | Path, header: dict[str, Any], arrays: Mapping[str, NDArray[Any] | None], *, force: bool = False
) -> None:
    """Write header and arrays, those that are there, whatever the property of the model; raises as `write_model`."""
    path = Path(path)
    if path.exists() and not force:
        raise InputError(f"{path} exists; give another name or allow overwriting")
    plain = {
        name: np.ascontiguousarray(array, dtype="<f8" if array.dtype.kind == "f" else array.dtype)
        for name, array in arrays.items()
        if array is not None
    }
    required = [name for name in _ENTRIES if name in header]
    required += [name for name in plain if not name.startswith(("committee", "check"))]
    header = {**header, "code": f"ufpnmr {package_version('ufpnmr')}", "required": required}
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(_layout(header, plain))
    partial.replace(path)


def read_model(path: str | Path) -> EFGModel:
    """Read a model.

    Raises
    ------
    InputError
        No such file, another format, a newer version, an unknown required entry, or damage.
    """
    header, arrays = read_arrays(path)
    try:
        return _model(header, arrays)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise InputError(f"{path}: the header lacks or misstates an entry: {type(error).__name__}: {error}") from None


def read_arrays(path: str | Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return header and arrays of a model file, checksums verified; raises as `read_model`."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected an EFG model (ufp efg fit writes one)")
    data = path.read_bytes()
    if len(data) < _PREFIX.size or data[:8] != MAGIC:
        raise InputError(f"{path}: expected an EFG model, found another format")
    _, version, mark, length, checksum, _ = _PREFIX.unpack_from(data)
    if mark != _MARK:
        raise InputError(f"{path}: expected the endianness mark {_MARK:#010x}, found {mark:#010x}; the file is damaged")
    if version > VERSION or version == 0:
        raise InputError(
            f"{path}: format version {version}; this ufpnmr reads versions up to {VERSION}; install a newer one"
        )
    text = data[_PREFIX.size : _PREFIX.size + length]
    if len(text) < length or zlib.crc32(text) != checksum:
        raise InputError(f"{path}: the checksum of the header is wrong; the file is damaged or cut, copy it again")
    try:
        header = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path}: the header is not JSON ({error}); whoever wrote the file did it wrong") from None
    unknown = [name for name in header.get("required", []) if name not in (*_ENTRIES, *_ARRAYS)]
    if unknown:
        raise InputError(
            f"{path}: requires {', '.join(unknown)}, which this ufpnmr does not understand; install a newer one"
        )
    return header, {name: _array(path, data, name, entry) for name, entry in header["arrays"].items()}


def _array(path: Path, data: bytes, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    if entry["dtype"] not in _DTYPES:
        raise InputError(f"{path}: {name}: expected one of {', '.join(sorted(_DTYPES))}, found {entry['dtype']}")
    dtype = np.dtype(entry["dtype"])
    size = int(np.prod(entry["shape"], dtype=np.int64)) * dtype.itemsize
    raw = data[entry["offset"] : entry["offset"] + size]
    if len(raw) < size:
        raise InputError(f"{path}: {name}: expected {size} bytes, found {len(raw)}; the file is cut, copy it again")
    if zlib.crc32(raw) != entry["crc32"]:
        raise InputError(f"{path}: {name}: the checksum is wrong; the file is damaged, copy it again")
    array: NDArray[Any] = np.frombuffer(raw, dtype).reshape(entry["shape"]).copy()
    return array


def _layout(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """Place the arrays behind a header that names their offsets, whose digits change its length."""
    raw = {name: array.tobytes() for name, array in arrays.items()}
    start = 0
    while True:
        offset, entries = start, {}
        for name, array in arrays.items():
            entries[name] = {
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "offset": offset,
                "crc32": zlib.crc32(raw[name]),
            }
            offset = _aligned(offset + len(raw[name]))
        text = json.dumps({**header, "arrays": entries}, ensure_ascii=False).encode()
        if start >= (needed := _aligned(_PREFIX.size + len(text))):
            break
        start = needed
    body = bytearray(offset)
    body[: _PREFIX.size] = _PREFIX.pack(MAGIC, VERSION, _MARK, len(text), zlib.crc32(text), 0)
    body[_PREFIX.size : _PREFIX.size + len(text)] = text
    for name, entry in entries.items():
        body[entry["offset"] : entry["offset"] + len(raw[name])] = raw[name]
    return bytes(body)


def _aligned(offset: int) -> int:
    return -(-offset // 64) * 64


def check_arrays(checks: Sequence[Check], descriptor: Descriptor) -> dict[str, NDArray[Any]]:
    """Return the check environments as arrays of a file."""
    if sum(len(check.centres) for check in checks) < 8:
        raise InputError(
            "expected at least eight check environments, for readers to prove themselves with; add structures"
        )
    frames = [check.frame for check in checks]
    sizes = [len(frame.elements) for frame in frames]
    first = np.cumsum([0, *sizes[:-1]])
    centres = [check.centres + k for check, k in zip(checks, first, strict=True)]
    return {
        "check_cell": np.array([frame.cell for frame in frames]),
        "check_positions": np.concatenate([frame.positions for frame in frames]),
        "check_types": np.concatenate([descriptor.types(frame.elements) for frame in frames]).astype("<i4"),
        "check_structure": np.repeat(np.arange(len(frames)), sizes).astype("<i4"),
        "check_centres": np.concatenate(centres).astype("<i8"),
        "check_expected": np.concatenate([check.expected for check in checks]),
    }


def _model(header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> EFGModel:
    if header["property"] != _PROPERTY:
        raise InputError(
            f"expected a model of {_PROPERTY}, found {header['property']} (`ufpnmr.efg.scalar` reads those of rank 0)"
        )
    descriptor = Descriptor.from_dict(header["descriptor"])

    def features(name: str, rank: int) -> SelectedFeatures:
        entry = header["features"][name]
        channels = np.array(entry["l1 l2 q1 q2"], dtype=np.int32).reshape(-1, 4)
        return SelectedFeatures(rank, channels, entry["weighted"], arrays.get(f"{name}_mixing"))

    return EFGModel(
        descriptor=descriptor,
        centres=tuple(header["centres"]),
        tensors=features("tensors", 2),
        invariants=features("invariants", 0),
        coefficients=arrays["coefficients"],
        zeta=header["zeta"],
        scale=header["normalisation"]["tensors"],
        active=arrays.get("active"),
        label_scale=header["label"]["scale"],
        committee=arrays.get("committee"),
        baseline_members=arrays.get("committee_baseline"),
        alpha=header.get("calibration", {}).get("alpha", 1.0),
        baseline=_baseline(header, arrays),
        training=header.get("training", {}),
        error=header.get("error", {}),
        metadata=header.get("metadata", {}),
        checks=read_checks(header, arrays, descriptor),
    )


def read_checks(header: dict[str, Any], arrays: dict[str, NDArray[Any]], descriptor: Descriptor) -> tuple[Check, ...]:
    """Return the check environments of a file."""
    checks = []
    structure, centres = arrays["check_structure"], arrays["check_centres"]
    for k, periodic in enumerate(header["checks"]["periodic"]):
        atoms = np.flatnonzero(structure == k)
        mine = np.isin(centres, atoms)
        elements = [descriptor.species[t] for t in arrays["check_types"][atoms]]
        frame = Frame(arrays["check_cell"][k], arrays["check_positions"][atoms], elements, tuple(periodic))
        checks.append(Check(frame, (centres[mine] - atoms[0]).astype(np.intp), arrays["check_expected"][mine]))
    return tuple(checks)
