"""The JSON model of the Python package UF3 (0.4.0 and later), read and written.

One object; the keys of its blocks are element symbols joined by ``-``. Knots of a trio stand in the order r_ij, r_ik,
r_jk (two vectors: legs, r_jk; one: all three). Energies contain the one-body part. Units are eV and Å.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.errors import InputError, nearest
from ufpnmr.potential.model import PairBlock, Potential, TripletBlock

__all__ = ["DEFAULT_TRIMS", "dump", "parse", "trims_by_degree"]

_MODEL_KEYS = (
    "coefficients",
    "solution",
    "knots",
    "knots_map",
    "element_list",
    "degree",
    "leading_trim",
    "trailing_trim",
    "offset_1b",
    "ufp",
)
_AXES = {1: (0, 0, 0), 2: (0, 0, 1), 3: (0, 1, 2)}
DEFAULT_TRIMS = {"leading_trim": 0, "trailing_trim": 3}


def parse(text: str, source: str) -> Potential:
    """Return the potential in a UF3 JSON model.

    Parameters
    ----------
    text : str
        Contents of the file.
    source : str
        Its name, for messages.

    Raises
    ------
    InputError
        Not JSON, a missing or misspelt key, shapes that do not fit.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{source}:{error.lineno}: expected JSON, found {error.msg}") from None
    coefficients = _blocks(document, ("coefficients", "solution"), source)
    knots = _blocks(document, ("knots", "knots_map"), source)
    trims = {name: _trims(document, name, source) for name in DEFAULT_TRIMS}
    one_body: dict[str, float] = {}
    pairs, triplets = [], []
    for key, values in coefficients.items():
        elements = key.split("-")
        for element in elements:
            _atomic_number(element, f"{source}: {key}")
        if len(elements) == 1:
            one_body[key] = _number(values, f"{source}: coefficients {key}")
            continue
        if key not in knots:
            raise InputError(f"{source}: expected knots of {key}, found none{nearest(key, knots)}")
        degree = len(elements)
        options = {name: trims[name][degree] for name in trims} if degree in (2, 3) else {}
        if degree == 2:
            axis = _array(knots[key], f"{source}: knots {key}", 1)
            c = _array(values, f"{source}: coefficients {key}", 1)
            pairs.append(PairBlock((elements[0], elements[1]), axis, c, _last(axis, f"{source}: {key}"), **options))
        elif degree == 3:
            triplets.append(_triplet(key, values, knots[key], source, options))
        else:
            raise InputError(f"{source}: expected blocks of one, two or three elements, found {key}")
    own = _own(document.get("ufp", "{}"), source)
    beyond = {key: value for key, value in document.items() if key not in _MODEL_KEYS}
    training = {**own.get("training", {}), **({"uf3": beyond} if beyond else {})}
    header = {name: own[name] for name in ("date", "author", "citation", "provenance") if name in own}
    return Potential(
        tuple(pairs),
        tuple(triplets),
        one_body,
        training=training,
        records=tuple(own.get("records", ())),
        source=source,
        **header,
    )


def dump(potential: Potential) -> str:
    """Return the UF3 JSON model of a potential; what UF3 has no place for goes under the key ``ufp``."""
    coefficients: dict[str, Any] = dict(potential.one_body)
    knots: dict[str, Any] = {}
    for pair in potential.pairs:
        key = "-".join(_by_number(pair.elements, potential.source))
        coefficients[key], knots[key] = pair.coefficients.tolist(), pair.knots.tolist()
    for triplet in potential.triplets:
        neighbours = list(triplet.elements[1:])
        in_order = triplet if _by_number(neighbours, potential.source) == neighbours else triplet.exchanged()
        key = in_order.name
        coefficients[key] = in_order.coefficients.tolist()
        knots[key] = [axis.tolist() for axis in in_order.knots]
    _same_cutoffs(potential)
    training = dict(potential.training)
    beyond = training.pop("uf3", {})
    trims = trims_by_degree(potential)
    own = {
        "date": potential.date,
        "author": potential.author,
        "citation": potential.citation,
        "training": training,
        "provenance": dict(potential.provenance),
        "records": list(potential.records),
    }
    document = {
        "element_list": list(potential.elements),
        "degree": potential.degree,
        "coefficients": coefficients,
        "knots": knots,
        "knots_map": knots,
        **{name: _one_if_equal({degree: trim[name] for degree, trim in trims.items()}) for name in DEFAULT_TRIMS},
        "offset_1b": bool(potential.one_body),
        **beyond,
        "ufp": json.dumps(own),  # a string: UF3 takes every list for an array and every "-" for a pair
    }
    return json.dumps(document) + "\n"


def trims_by_degree(potential: Potential) -> dict[str, dict[str, int]]:
    """Return {"2": {"leading_trim": a, "trailing_trim": b}, "3": ...}: the smallest of the blocks of a degree."""
    return {
        str(degree): {name: min(int(getattr(block, name)) for block in blocks) for name in DEFAULT_TRIMS}
        for degree, blocks in ((2, potential.pairs), (3, potential.triplets))
        if blocks
    }


def _one_if_equal(trims: Mapping[str, int]) -> int | Mapping[str, int]:
    """UF3 0.4.0 knows one number only, later releases one per degree."""
    values = set(trims.values())
    return values.pop() if len(values) == 1 else trims


def _own(text: Any, source: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (TypeError, json.JSONDecodeError):
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{source}: ufp: expected a string with a JSON object, found {text!r:.40}")
    return value


def _blocks(document: Any, names: tuple[str, str], source: str) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise InputError(f"{source}: expected a JSON object, found {type(document).__name__}")
    for name in names:
        if isinstance(document.get(name), dict):
            return dict(document[name])
    raise InputError(
        f"{source}: expected a UF3 model with the key {names[0]!r} (or {names[1]!r}), found "
        f"{', '.join(sorted(document)[:8]) or 'no key'}{nearest(names[0], document)}"
    )


def _array(values: Any, label: str, dimensions: int) -> NDArray[np.float64]:
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{label}: expected a rectangular array of numbers, found something else") from None
    if array.ndim != dimensions:
        raise InputError(f"{label}: expected an array of {dimensions} dimension(s), found {array.ndim}")
    return array


def _number(value: Any, label: str) -> float:
    array = _array(np.ravel(value), label, 1)
    if array.size != 1:
        raise InputError(f"{label}: expected one number, found {array.size}")
    return float(array[0])


def _last(axis: NDArray[np.float64], label: str) -> float:
    if len(axis) < 5:
        raise InputError(f"{label}: expected at least 5 knots, found {len(axis)}")
    return float(axis[-1])


def _triplet(key: str, values: Any, vectors: Any, source: str, options: dict[str, int]) -> TripletBlock:
    label = f"{source}: knots {key}"
    if isinstance(vectors, list) and vectors and not isinstance(vectors[0], list):
        vectors = [vectors]
    if not isinstance(vectors, list) or len(vectors) not in _AXES:
        raise InputError(f"{label}: expected one, two or three vectors")
    axes = [_array(vectors[i], label, 1) for i in _AXES[len(vectors)]]
    centre, j, k = key.split("-")
    block = TripletBlock(
        (centre, j, k),
        (axes[0], axes[1], axes[2]),
        _array(values, f"{source}: coefficients {key}", 3),
        (_last(axes[0], label), _last(axes[1], label), _last(axes[2], label)),
        **options,
    )
    return block if _by_number([j, k], source) == [j, k] else block.exchanged()


def _trims(document: Mapping[str, Any], name: str, source: str) -> dict[int, int]:
    """One integer for all (0.4.0) or {"2": a, "3": b} (later)."""
    value = document.get(name, DEFAULT_TRIMS[name])
    by_degree = value if isinstance(value, dict) else {"2": value, "3": value}
    try:
        return {degree: int(by_degree.get(str(degree), DEFAULT_TRIMS[name])) for degree in (2, 3)}
    except (TypeError, ValueError):
        raise InputError(f"{source}: {name}: expected an integer or {{'2': a, '3': b}}, found {value!r}") from None


def _same_cutoffs(potential: Potential) -> None:
    """UF3 JSON has no cutoffs but the last knots."""
    for pair in potential.pairs:
        if pair.cutoff != pair.knots[-1]:
            raise InputError(
                f"{potential.source}: pair {pair.name}: cutoff {pair.cutoff:g} below the last knot "
                f"{pair.knots[-1]:g}; UF3 JSON cannot hold that"
            )
    for triplet in potential.triplets:
        for cutoff, axis in zip(triplet.cutoffs, triplet.knots, strict=True):
            if abs(cutoff - axis[-1]) > 1e-8:
                raise InputError(
                    f"{potential.source}: triplet {triplet.name}: cutoff {cutoff:g} below the last knot "
                    f"{axis[-1]:g}; UF3 JSON cannot hold that"
                )


def _atomic_number(element: str, label: str) -> int:
    from ase.data import atomic_numbers

    if element not in atomic_numbers or element == "X":
        raise InputError(f"{label}: expected an element symbol, found {element!r}{nearest(element, atomic_numbers)}")
    return int(atomic_numbers[element])


def _by_number(elements: Any, source: str) -> list[str]:
    return sorted(elements, key=lambda element: _atomic_number(element, source))
