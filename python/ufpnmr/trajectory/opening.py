"""One function that opens every trajectory."""

from __future__ import annotations

import builtins
import gzip
import zlib
from pathlib import Path

import MDAnalysis
import numpy as np

from ufpnmr.errors import InputError
from ufpnmr.trajectory.ase_frames import AseReader
from ufpnmr.trajectory.dcd import LammpsDCDReader
from ufpnmr.trajectory.dump import DumpReader
from ufpnmr.trajectory.identities import Elements, Identities, by_type, masses, read_data_file, symbol
from ufpnmr.trajectory.reader import FrameReader
from ufpnmr.trajectory.time_axis import check_timestep, read_log
from ufpnmr.trajectory.xtc import XtcReader

GZIP, ZSTD, XTC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x00\x00\x07\xcb"
"""First bytes of files."""


def open(
    path: str | Path,
    *,
    timestep: float | None = None,
    log: str | Path | None = None,
    elements: Elements | None = None,
    topology: str | Path | None = None,
    assume_order: bool = False,
    on_nan: str = "error",
    on_change: str = "error",
) -> MDAnalysis.Universe:
    """Open a trajectory: LAMMPS dump (plain, .gz, .zst), DCD of LAMMPS, XTC, extxyz or another format of ASE.

    Positions are unwrapped (Å), ``ts.data["cell"]`` holds the exact cell, ``ts.time`` the time since the first frame
    (ps; NaN if unknown), ``atoms`` have ids, elements, types and masses. Nothing of this is guessed.

    Parameters
    ----------
    path : str or Path
        Trajectory; its format is told by its content.
    timestep : float, optional
        MD timestep, ps.
    log : str or Path, optional
        Log of the LAMMPS run, for timestep and units.
    elements : str, sequence or mapping, optional
        Element of each LAMMPS type: ``"Li P S"``, ``["Li", "P", "S"]`` or ``{1: "Li"}``.
    topology : str or Path, optional
        Companion with the identities: LAMMPS data file, dump or extxyz of the same atoms. Needed for DCD and
        XTC.
    assume_order : bool
        Accept a dump without atom ids.
    on_nan : {"error", "drop"}
        What a dump frame with NaN or infinity does: refuse it when it is read, or leave it out.
    on_change : {"error", "stop"}
        What a number of atoms that changes does in a dump: refuse it, or end the trajectory there.

    Returns
    -------
    MDAnalysis.Universe

    Raises
    ------
    InputError
        If the file cannot be read, holds no complete frame, or an element is not told.
    """
    path = Path(path)
    check_timestep(timestep)
    timestep, units = _timing(timestep, log)
    kind = kind_of(path)
    if kind == "dump":
        dump = DumpReader(
            path, timestep=timestep, units=units, assume_order=assume_order, on_nan=on_nan, on_change=on_change
        )
        return _universe(dump, _of_dump(dump, elements, topology))
    if kind in ("dcd", "xtc"):
        if topology is None:
            raise InputError(
                f"{path}: a {kind.upper()} file has no atom ids and elements; give --topology, a data file of the run"
            )
        identities = read_topology(topology, elements)
        reader: FrameReader
        if kind == "dcd":
            reader = LammpsDCDReader(path, timestep=timestep, units=units or identities.units, ids=identities.ids)
        else:
            reader = XtcReader(path, timestep=timestep, ids=identities.ids)
    else:
        if elements is not None or topology is not None:
            raise InputError(f"{path}: elements and topology are for LAMMPS trajectories; this file names its elements")
        reader = AseReader(path, timestep=timestep)
        identities = Identities(reader.ids, reader.elements, reader.elements)
    return _universe(reader, identities)


def kind_of(path: str | Path) -> str:
    """Tell ``"dump"``, ``"dcd"``, ``"xtc"`` or ``"ase"`` by the first bytes of a file; InputError if there is none."""
    path = Path(path)
    try:
        with builtins.open(path, "rb") as file:
            start = file.read(64)
        if start[:2] == GZIP:
            with gzip.open(path) as file:
                start = file.read(64)
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}: its compressed content cannot be read from the start") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if not start.strip():
        raise InputError(f"{path}: expected a trajectory, found an empty file")
    if start.lstrip().startswith(b"ITEM:") or start[:4] == ZSTD:
        return "dump"
    if start[:4] == XTC:
        return "xtc"
    return "dcd" if start[4:8] == b"CORD" else "ase"


def read_topology(path: str | Path, elements: Elements | None = None) -> Identities:
    """Read the identities of atoms from a LAMMPS data file, a dump or a file that ASE reads."""
    path = Path(path)
    kind = kind_of(path)
    if kind in ("dcd", "xtc"):
        raise InputError(f"{path}: a {kind.upper()} file has no identities; give a data file, dump or extxyz")
    if kind == "dump":
        reader = DumpReader(path)
        return _of_dump(reader, elements, None)
    if path.suffix not in {".xyz", ".extxyz"} and b"atoms" in path.read_bytes()[:4096].lower():
        return read_data_file(path, elements)
    frames = AseReader(path)
    return Identities(frames.ids, frames.elements, frames.elements)


def _timing(timestep: float | None, log: str | Path | None) -> tuple[float | None, str | None]:
    """Timestep (ps) and units from argument and log, which must agree."""
    if log is None:
        return timestep, None
    found = read_log(log)
    if timestep is not None and not np.isclose(timestep, found.timestep, rtol=1e-6):
        raise InputError(
            f"{log}: the run's timestep is {found.timestep:g} ps, not {timestep:g} ps; give only one of them"
        )
    return found.timestep, found.units


def _of_dump(reader: DumpReader, elements: Elements | None, topology: str | Path | None) -> Identities:
    """Elements of a dump: argument, companion, or column, in this order."""
    where = reader.filename
    types = reader.read_column("type").astype(np.int64) if "type" in reader.columns else None
    if topology is not None:
        told = read_topology(topology, elements)
        place = np.searchsorted(told.ids, reader.ids)
        if place.max() >= told.ids.size or not np.array_equal(told.ids[place], reader.ids):
            raise InputError(f"{where}: some of its atom ids are not in {topology}; give the data file of this run")
        return Identities(reader.ids, told.elements[place], told.types[place], told.units)
    if elements is not None:
        if types is None:
            raise InputError(f"{where}: elements are given by type, and the dump has no column type; dump the type")
        return Identities(reader.ids, by_type(types, elements, where), types.astype(str))
    if "element" not in reader.columns:
        raise InputError(
            f"{where}: the elements are not told; give --elements 'Li P S' (of types 1, 2, 3) or --topology"
        )
    names = reader.read_column("element")
    if types is not None and np.unique(types).size > 1 and set(names) == {"C"}:
        raise InputError(
            f"{where}: column element says C for every type, the default of LAMMPS; give --elements 'Li P S'"
        )
    for name in np.unique(names):
        symbol(str(name), f"{where}: column element")
    return Identities(reader.ids, names, names if types is None else types.astype(str))


def _universe(reader: FrameReader, identities: Identities) -> MDAnalysis.Universe:
    universe = MDAnalysis.Universe.empty(reader.n_atoms)
    for attribute, values in {
        "ids": identities.ids,
        "elements": identities.elements,
        "names": identities.elements,
        "types": identities.types,
        "masses": masses(identities.elements),
    }.items():
        universe.add_TopologyAttr(attribute, values)
    universe.trajectory = reader
    return universe
