"""How result objects reach a file: HDF5 for arrays, JSON for fits.

A result is a frozen dataclass. Its array fields carry shape and unit in their metadata (`array`), its other fields are
JSON (numbers, strings, dictionaries, `Record`). Both formats name a schema and its version; a newer version or another
schema is refused.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np

from ufpnmr.errors import InputError
from ufpnmr.results.record import Record

__all__ = ["StoredResult", "array", "array_group", "stored_schema", "write_columns", "write_text_atomically"]

Self = TypeVar("Self", bound="StoredResult")


def array(unit: str, shape: str, **kwargs: Any) -> Any:
    """Declare an array field of a result: its unit and its shape, e.g. ``array("ps", "(L,)")``."""
    return dataclasses.field(metadata={"unit": unit, "shape": shape}, **kwargs)


def array_group(**kwargs: Any) -> Any:
    """Declare a field that holds a dictionary of arrays, each with the shape and unit of the result it is from."""
    return dataclasses.field(metadata={"group": True}, **kwargs)


def stored_schema(path: str | Path) -> str | None:
    """Return the schema of a result file, None for any other file (a trajectory, say)."""
    import h5py

    path = Path(path)
    if not path.is_file():
        return None
    if path.suffix == ".json":
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            return None
        return str(document["schema"]) if isinstance(document, dict) and "schema" in document else None
    if not h5py.is_hdf5(path):
        return None
    with h5py.File(path, "r") as file:
        return str(file.attrs["schema"]) if "schema" in file.attrs else None


def write_text_atomically(path: str | Path, text: str) -> None:
    """Write `text` so that a kill leaves either the old file or the new one."""
    path = Path(path)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return {"record": value.to_dict()}
    if isinstance(value, StoredResult):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value


def _rich(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"record"}:
            return Record.from_dict(value["record"])
        return {key: _rich(item) for key, item in value.items()}
    return [_rich(item) for item in value] if isinstance(value, list) else value


def _add_dataset(parent: Any, name: str, value: Any) -> Any:
    import h5py

    text = np.asarray(value).dtype.kind == "U"
    return parent.create_dataset(
        name, data=value.astype(object) if text else value, dtype=h5py.string_dtype() if text else None
    )


def _data(dataset: Any) -> Any:
    text = dataset.dtype.kind == "O"
    return dataset.asstr()[()].astype(np.str_) if text else dataset[()]


def write_columns(path: str | Path, columns: Mapping[str, Any]) -> None:
    """Write columns as comma-separated text, names in quotes; those shorter than the longest end in nan."""
    rows = itertools.zip_longest(*columns.values(), fillvalue=math.nan)
    text = "\n".join(",".join(f"{x:.10g}" for x in row) for row in rows)
    write_text_atomically(path, ",".join(f'"{name}"' for name in columns) + "\n" + text + "\n")


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """Base of all result objects: `write`, `read`, and a one-screen `repr`.

    Attributes
    ----------
    provenance : dict
        See `ufpnmr.provenance.collect`.
    """

    schema: ClassVar[str]
    schema_version: ClassVar[int] = 1
    table_axis: ClassVar[str] = ""
    """Axis that runs down the rows of `write_csv`, such as "(L,)"; by default that of the first array."""
    further_axes: ClassVar[tuple[str, ...]] = ()
    """Axes of further columns beside them."""

    provenance: dict[str, Any] = dataclasses.field(kw_only=True, default_factory=dict)

    @classmethod
    def _array_fields(cls) -> dict[str, Any]:
        return {f.name: f.metadata for f in dataclasses.fields(cls) if "unit" in f.metadata}

    @classmethod
    def _group_fields(cls) -> set[str]:
        return {f.name for f in dataclasses.fields(cls) if "group" in f.metadata}

    def write(self, path: str | Path) -> None:
        """Write to `path`: JSON if its name ends in ``.json``, else HDF5; an existing file is replaced whole."""
        arrays, groups = self._array_fields(), self._group_fields()
        apart = arrays.keys() | groups
        rest = {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name not in apart}
        path = Path(path)
        if path.suffix == ".json":
            document = {"schema": self.schema, "schema_version": self.schema_version, **rest}
            for name, meta in arrays.items():
                document[name] = {**meta, "data": _plain(getattr(self, name))}
            for name in sorted(groups):
                document[name] = _plain(getattr(self, name))
            write_text_atomically(path, json.dumps(document, indent=1) + "\n")
            return
        import h5py

        partial = path.with_name(path.name + ".partial")
        with h5py.File(partial, "w") as file:
            file.attrs["schema"] = self.schema
            file.attrs["schema_version"] = self.schema_version
            for name, value in rest.items():
                file.attrs[name] = json.dumps(value)
            for name, meta in arrays.items():
                value = getattr(self, name)
                if value is None:
                    continue
                _add_dataset(file, name, value).attrs.update(meta)
            for name in sorted(groups):
                group = file.create_group(name)
                for key, value in getattr(self, name).items():
                    _add_dataset(group, key, value)
        partial.replace(path)

    def write_csv(self, path: str | Path) -> None:
        """Write the curves as comma-separated columns with units: those over `table_axis`, then over `further_axes`.

        Arrays with one more axis in front give one column per entry of it, named by `table_labels`. Columns over a
        shorter axis end in nan.
        """
        fields = self._array_fields()
        columns: dict[str, Any] = {}
        for axis in (self.table_axis or next(iter(fields.values()))["shape"], *self.further_axes):
            for name, meta in fields.items():
                value = getattr(self, name)
                if value is None:
                    continue
                unit = "" if meta["unit"] == "1" else f" / {meta['unit']}"
                leading, _, last = meta["shape"].strip("()").rpartition(", ")
                if meta["shape"] == axis:
                    columns[f"{name}{unit}"] = value
                elif leading and value.ndim == 2 and f"({last},)" == axis:
                    labels = self.table_labels.get(leading) or [str(k) for k in range(len(value))]
                    columns |= {f"{name}[{label}]{unit}": row for label, row in zip(labels, value, strict=True)}
        write_columns(path, columns)

    @property
    def table_labels(self) -> dict[str, list[str]]:
        """Names of the entries of an axis, such as ``{"P": ["Li-S", ...]}``, for the columns of `write_csv`."""
        return {}

    @classmethod
    def read(cls: type[Self], path: str | Path) -> Self:
        """Read what `write` wrote.

        Raises
        ------
        InputError
            No such file, not this schema, or written by a newer version.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; expected a {cls.schema} file")
        if path.suffix == ".json":
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg}; the file is damaged") from error
            cls._check(path, document.pop("schema", None), document.pop("schema_version", 0))
            for name in cls._array_fields():
                data = document[name]["data"]
                document[name] = None if data is None else np.asarray(data)
            for name in cls._group_fields():
                document[name] = {key: np.asarray(value) for key, value in document[name].items()}
            apart = cls._array_fields().keys() | cls._group_fields()
            return cls(**{key: value if key in apart else _rich(value) for key, value in document.items()})
        import h5py

        if not h5py.is_hdf5(path):
            raise InputError(f"{path}: expected a {cls.schema} file (HDF5), found another format or a truncated file")
        with h5py.File(path, "r") as file:
            cls._check(path, file.attrs.get("schema"), file.attrs.get("schema_version", 0))
            values: dict[str, Any] = {name: _data(file[name]) if name in file else None for name in cls._array_fields()}
            values.update({name: {key: _data(file[name][key]) for key in file[name]} for name in cls._group_fields()})
            names = {f.name for f in dataclasses.fields(cls)} - values.keys()
            values.update({name: _rich(json.loads(file.attrs[name])) for name in names if name in file.attrs})
        return cls(**values)

    @classmethod
    def _check(cls, path: Path, schema: Any, version: Any) -> None:
        if schema != cls.schema:
            raise InputError(f"{path}: expected a {cls.schema} file, found {schema or 'no schema attribute'}")
        if int(version) > cls.schema_version:
            raise InputError(
                f"{path}: {schema} version {version} is newer than this ufpnmr reads ({cls.schema_version})"
            )

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__}"]
        for f in dataclasses.fields(self):
            value = getattr(self, f.name)
            if f.name == "provenance":
                continue
            if isinstance(value, np.ndarray):
                lines.append(f"  {f.name}: {value.dtype} {value.shape} {f.metadata.get('unit', '')}")
            else:
                text = str(value)
                lines.append(f"  {f.name}: {text if len(text) < 90 else text[:87] + '...'}")
        return "\n".join(lines)
