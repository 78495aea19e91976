"""Field gradients of a magres file: ASE reads the structure, the tensors are matched to its atoms here.

ASE's own reading fails when an atom lacks a tensor; here that is an error which names the atom, or NaN on request.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["read_magres"]

_EFG = re.compile(r"^\s*(units\s+)?efg(_local|_nonlocal)?\s")


def read_magres(path: str | Path, centres: Sequence[str], *, allow_missing: bool = False) -> Atoms:
    """Read a structure and its tensors into ``atoms.arrays["efg"]`` (N, 3, 3), a.u.; ``info["efg_units"]`` is "au".

    Parameters
    ----------
    path : path
    centres : sequence of str
        Elements that must have a tensor.
    allow_missing : bool
        NaN instead of an error at centres without one.

    Raises
    ------
    InputError
        Not magres, no tensors, another unit, a tensor of an unknown atom, a centre without one.
    """
    from ase.io import read

    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected a magres file")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[0].startswith("#$magres-abinitio-v1"):
        raise InputError(f"{path}: expected a magres file (first line #$magres-abinitio-v1.0)")
    rest = "\n".join(line for line in lines if not _EFG.match(line)) + "\n"
    try:
        atoms: Atoms = read(io.StringIO(rest), format="magres")  # type: ignore[assignment]
    except Exception as error:
        # the reader of ASE raises what it likes on a cut or foreign file
        raise InputError(f"{path}: cannot be read by ASE: {type(error).__name__}: {error}") from error
    names = [f"{label}{index}" for label, index in zip(atoms.arrays["labels"], atoms.arrays["indices"], strict=True)]
    if len(set(names)) < len(names):
        raise InputError(f"{path}: expected atoms that differ in label and index, found {names} with repetitions")
    number = {name: k for k, name in enumerate(names)}
    tensors = np.full((len(atoms), 3, 3), np.nan)
    for position, line in enumerate(lines, 1):
        words = line.split()
        if words[:2] == ["units", "efg"] and words[2:] != ["au"]:
            raise InputError(f"{path}:{position}: expected units efg au, found {' '.join(words[2:])}")
        if words[:1] == ["efg"]:
            name = "".join(words[1:-9])  # label and index may run together
            if name not in number:
                raise InputError(f"{path}:{position}: tensor of {name!r}, which is no atom of the file")
            tensors[number[name]] = _numbers(words[-9:], f"{path}:{position}")
    missing = [n for n, s, V in zip(names, atoms.symbols, tensors, strict=True) if s in centres and np.isnan(V).any()]
    if np.isnan(tensors).all():
        raise InputError(f"{path}: expected lines 'efg label index xx xy xz yx yy yz zx zy zz', found none")
    if missing and not allow_missing:
        raise InputError(f"{path}: no tensor of {', '.join(missing[:5])}; allow_missing = true leaves such atoms out")
    atoms.arrays["efg"] = tensors
    atoms.info["efg_units"] = "au"
    return atoms


def _numbers(words: Sequence[str], where: str) -> np.ndarray:
    try:
        return np.array([float(word) for word in words]).reshape(3, 3)
    except ValueError:
        raise InputError(f"{where}: expected nine numbers behind label and index, found {' '.join(words)}") from None
