"""Files of a potential: ``.uf3`` (through the core's parser and writer), UF3 JSON, one-interaction files."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ufpnmr import _core
from ufpnmr.errors import InputError
from ufpnmr.potential import uf3_json
from ufpnmr.potential.model import PairBlock, Potential, TripletBlock
from ufpnmr.results.storage import write_text_atomically

__all__ = ["from_core", "is_interaction", "read", "read_interactions", "sidecar", "split", "to_core", "write"]

_DICTIONARIES = ("TRAINING", "PROVENANCE")


def read(path: Path) -> Potential:
    """Read a ``.uf3`` file or a UF3 JSON model."""
    text = _text(path)
    if text.lstrip().startswith("{"):
        return uf3_json.parse(text, path.name)
    posterior = sidecar(path)
    potential = from_core(_parse(text, path.name, ()), path.name)
    return dataclasses.replace(potential, posterior_file=posterior if posterior.is_file() else None)


def sidecar(path: str | Path) -> Path:
    """Return the path of the posterior of a potential: ``LPS.uf3`` -> ``LPS.posterior.h5``."""
    return Path(path).with_suffix(".posterior.h5")


def write(potential: Potential, path: Path, *, force: bool = False, allow_unloadable: bool = False) -> None:
    """Write `potential` as the suffix of `path` says; see `Potential.write`."""
    if path.suffix == ".json":
        text = uf3_json.dump(potential)
    elif path.suffix == ".uf3":
        text = _uf3_text(potential, allow_unloadable)
    else:
        raise InputError(f"{path}: expected a name ending in .uf3 or .json, found {path.suffix or 'no suffix'}")
    if path.exists() and not force:
        raise InputError(f"{path} exists; give another name or force=True to overwrite")
    write_text_atomically(path, text)


def read_interactions(paths: Sequence[Path], elements: Mapping[str, str]) -> Potential:
    """Join one-interaction files of 2022-2024 into one potential.

    Parameters
    ----------
    paths : paths
        One per block; the labels in the name say which: ``W_W``, ``A_A.uf3_pot``, ``Li_P_S`` (centre first).
    elements : dict
        Label -> element symbol, e.g. ``{"A": "W"}``; labels not listed must be element symbols themselves.

    Raises
    ------
    InputError
        A name that does not say its elements, or a file that is wrong.
    """
    parts = [_parse(_text(path), path.name, _elements_of(path, elements)) for path in paths]
    joined = parts[0]
    joined.pairs = [block for part in parts for block in part.pairs]
    joined.triplets = [block for part in parts for block in part.triplets]
    return from_core(joined, paths[0].parent.name or "potential")


def is_interaction(path: Path) -> bool:
    """Whether a file is a one-interaction file: its type line names no elements."""
    for line in _text(path).splitlines():
        words = line.split()
        if words[:1] in (["2B"], ["3B"]):
            return len(words) > 1 and words[1].lstrip("-").isdigit()
    return False


def split(potential: Potential) -> dict[str, str]:
    """Return the one-interaction files of a potential: name ``Li_P_S`` -> text.

    They have no place for one-body energies and records.
    """
    bare = dataclasses.replace(potential, one_body={}, training={}, provenance={}, records=())
    out = {}
    for block in _uf3_text(bare, True).split("#\n"):
        if not block.strip():
            continue
        header, kind, body = block.split("\n", 2)
        words = kind.split()
        count = 2 if words[0] == "2B" else 3
        out["_".join(words[1 : 1 + count])] = "\n".join(
            [header, " ".join([words[0], *words[1 + count :]]), body.rstrip("\n"), "#", ""]
        )
    return out


def from_core(value: _core.Uf3Potential, source: str) -> Potential:
    """Return the `Potential` of a value of the core."""
    dictionaries: dict[str, dict[str, Any]] = {}
    records = []
    for line in value.records:
        words = line.split(None, 2)
        if len(words) == 3 and words[1] in (*_DICTIONARIES, "TRIMS"):
            dictionaries[words[1].lower()] = _dictionary(words[2], f"{source}: line #UFP {words[1]}")
        else:
            records.append(line)
    trims = dictionaries.pop("trims", {})
    pairs = [PairBlock(tuple(b.elements), b.knots, b.coefficients, b.cutoff, b.lead, b.trail) for b in value.pairs]
    triplets = [
        TripletBlock(
            tuple(b.elements),
            tuple(b.knots),
            np.reshape(b.coefficients, [len(axis) - 4 for axis in b.knots]),
            tuple(b.cutoff),
            b.lead,
            b.trail,
        )
        for b in value.triplets
    ]
    return Potential(
        pairs=tuple(dataclasses.replace(b, **trims.get("2", {})) for b in pairs),
        triplets=tuple(dataclasses.replace(b, **trims.get("3", {})) for b in triplets),
        one_body=dict(value.onebody),
        date=value.date,
        author=value.author,
        citation=value.citation,
        records=tuple(records),
        source=source,
        training=dictionaries.get("training", {}),
        provenance=dictionaries.get("provenance", {}),
    )


def to_core(potential: Potential) -> _core.Uf3Potential:
    """Return the value the core works on."""
    value = _core.Uf3Potential()
    value.pairs = [_pair(block) for block in potential.pairs]
    value.triplets = [_triplet(block, potential.source) for block in potential.triplets]
    value.onebody = list(potential.one_body.items())
    value.date, value.author, value.citation = potential.date, potential.author, potential.citation
    value.records = [
        f"#UFP {name} {json.dumps(getattr(potential, name.lower()), separators=(',', ':'))}"
        for name in _DICTIONARIES
        if getattr(potential, name.lower())
    ]
    trims = uf3_json.trims_by_degree(potential)
    if any(trim != uf3_json.DEFAULT_TRIMS for trim in trims.values()):  # the type lines always say 0 3
        value.records = [*value.records, f"#UFP TRIMS {json.dumps(trims, separators=(',', ':'))}"]
    value.records = [*value.records, *potential.records]
    return value


def _dictionary(text: str, label: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{label}: expected a JSON object, found {error.msg}") from None
    if not isinstance(value, dict):
        raise InputError(f"{label}: expected a JSON object, found {type(value).__name__}")
    return value


def _pair(block: PairBlock) -> _core.Uf3PairBlock:
    value = _core.Uf3PairBlock()
    value.elements, value.cutoff = list(block.elements), block.cutoff
    value.knots, value.coefficients = block.knots.tolist(), block.coefficients.tolist()
    value.lead, value.trail = block.leading_trim, block.trailing_trim
    return value


def _triplet(block: TripletBlock, source: str) -> _core.Uf3TripletBlock:
    shape = tuple(len(axis) - 4 for axis in block.knots)
    if block.coefficients.shape != shape:
        raise InputError(
            f"{source}: triplet {block.name}: expected coefficients {shape} for its knots, "
            f"found {block.coefficients.shape}"
        )
    value = _core.Uf3TripletBlock()
    value.elements, value.cutoff = list(block.elements), list(block.cutoffs)
    value.knots = [axis.tolist() for axis in block.knots]
    value.coefficients = block.coefficients.ravel().tolist()
    value.lead, value.trail = block.leading_trim, block.trailing_trim
    return value


def _uf3_text(potential: Potential, allow_unloadable: bool) -> str:
    try:
        return str(_core.write_uf3(to_core(potential), allow_unloadable))
    except _core.DomainError as error:
        raise InputError(f"{potential.source}: {error}") from None


def _parse(text: str, name: str, elements: Sequence[str]) -> _core.Uf3Potential:
    try:
        return _core.parse_uf3(text, name, list(elements))
    except _core.ParseError as error:
        raise InputError(str(error)) from None


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a potential (.uf3 or UF3 JSON)")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a text file (.uf3 or UF3 JSON), found binary data") from None


def _elements_of(path: Path, elements: Mapping[str, str]) -> list[str]:
    from ase.data import atomic_numbers

    labels = path.name.split(".")[0].split("_")
    found = [elements.get(label, label) for label in labels]
    unknown = [symbol for symbol in found if symbol not in atomic_numbers or symbol == "X"]
    if len(found) not in (2, 3) or unknown:
        raise InputError(
            f"{path.name}: expected a name made of two or three element symbols such as Li_S or P_S_S, found "
            f"{'_'.join(labels)}; rename the file or say what its labels mean: --elements A=Li,B=S"
        )
    return found
