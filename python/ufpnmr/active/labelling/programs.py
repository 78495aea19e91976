"""Labellers that run an external program on input files: its start, its end, its k points."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["FileLabeller", "k_mesh", "labels_of_file", "run_program"]

_GRACE = 5.0
_PASSED_ON = {signal.SIGHUP, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGXCPU}


def k_mesh(atoms: Atoms, length: float = 12.5, gamma_from: float = 10.5) -> tuple[int, int, int]:
    """Return the divisions of a Monkhorst-Pack mesh: ceil(length / height) per direction.

    Parameters
    ----------
    atoms : ase.Atoms
    length : float
        Å, length of the supercell that the mesh stands for.
    gamma_from : float
        Å; one division from this height of the cell on, and in directions that are not periodic.
    """
    cell = atoms.cell.complete().array
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    divisions = np.where((heights > gamma_from) | ~np.asarray(atoms.pbc), 1, np.ceil(length / heights - 1e-9))
    a, b, c = (int(n) for n in divisions)
    return a, b, c


def run_program(
    command: Sequence[str],
    folder: Path,
    output: str,
    *,
    timeout: float,
    threads: int = 1,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command` in `folder` and wait for it.

    Parameters
    ----------
    command : sequence of str
    folder : Path
    output : str
        File in `folder` for what it prints.
    timeout : float
        s.
    threads : int
        OMP_NUM_THREADS.
    environment : mapping, optional
        Further variables.

    Raises
    ------
    LabelError
        It failed, was killed, or took too long.
    """
    variables = {**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})}
    with open(folder / output, "wb") as stream:
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=stream, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise LabelError(f"{command[0]}: cannot be started: {error.strerror}") from error
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            raise LabelError(f"{command[0]}: took longer than {timeout:g} s; raise the option timeout") from None
        except BaseException:
            _end(process)
            raise
    number = -code if code < 0 else code - 128
    if number in _PASSED_ON:
        name = signal.Signals(number).name
        raise LabelError(f"{command[0]}: ended by {name} (out of memory, or someone's hand)", killed=True)
    if code != 0:
        raise LabelError(f"{command[0]}: ended with code {code}: {_last_words(folder / output)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(path: Path) -> str:
    """Return the line of an output that most likely says what went wrong."""
    lines = [line.strip(" *|") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    lines = [line for line in lines if any(letter.isalpha() for letter in line)]
    named = [line for line in lines if "error" in line.lower() or "abort" in line.lower()]
    return (named or lines or ["no output"])[-1][:200]


class FileLabeller(ABC):
    """Base of the labellers that write input files, run a program and read its output.

    Parameters
    ----------
    command : str
        Program with its arguments, e.g. ``"mpirun -n 4 pw.x"``.
    timeout : float
        s per structure.
    threads : int
        OMP_NUM_THREADS of the program.
    """

    output_name: str
    """File that holds what the program prints."""
    install_hint: str
    """What to do where the program is missing."""

    def __init__(self, command: str, timeout: float, threads: int) -> None:
        self.command = shlex.split(command)
        self.timeout, self.threads = float(timeout), int(threads)
        if not self.command:
            raise InputError("command: expected a program, found nothing")

    def ready(self) -> None:
        """Refuse to start where the program is missing; see `Labeller`."""
        if shutil.which(self.command[0]) is None:
            raise InputError(f"{self.command[0]}: no such program; {self.install_hint}, or name another with command")

    def label(self, atoms: Atoms, folder: Path) -> Labels:
        """Label one structure; see `Labeller`."""
        self.write_input(atoms, folder)
        run_program(
            [*self.command, *self.arguments()], folder, self.output_name, timeout=self.timeout, threads=self.threads
        )
        return self.read_output(atoms, folder)

    def arguments(self) -> list[str]:
        """Return the arguments after the command."""
        return []

    @abstractmethod
    def version(self) -> str:
        """Return program and version; see `Labeller`."""

    @abstractmethod
    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write the input files of one structure into an existing folder."""

    @abstractmethod
    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Read the labels of `atoms` from the output in `folder`, in the order of its atoms.

        Raises
        ------
        LabelError
            Missing, unfinished or not converged output, or the output of another structure.
        """


def labels_of_file(path: Path, atoms: Atoms, format: str | None) -> Labels:
    """Read the labels of `atoms` from a program's output, in the order of `atoms`.

    The output may list the atoms in another order; cell and positions must be those of `atoms` to 2e-3 Å.

    Parameters
    ----------
    path : path
    atoms : ase.Atoms
    format : str or None
        ASE's name of the format; told by the file if None.

    Raises
    ------
    LabelError
        Not readable, without labels, or the output of another structure.
    """
    from ase.io import read

    from ufpnmr.structures import match

    try:
        frames = read(path, index=slice(-1, None), format=format)
        found: Any = frames[-1]
    except Exception as error:
        # the formats of ASE raise what they like on a cut or foreign file
        raise LabelError(f"{path}: cannot be read: {type(error).__name__}: {error}") from error
    results = found.calc.results if found.calc is not None else {}
    if results.get("energy") is None or results.get("forces") is None:
        raise LabelError(f"{path}: expected energy and forces, found {', '.join(sorted(results)) or 'nothing'}")
    target = atoms.copy()  # type: ignore[no-untyped-call]
    target.pbc = found.pbc
    order = match(target, found, tolerance=2e-3)
    if order is None:
        raise LabelError(f"{path}: its cell, species or positions are not those of the structure to be labelled")
    free = results.get("free_energy")
    notes = {} if free is None or free == results["energy"] else {"free_energy": float(free)}
    return Labels(float(results["energy"]), np.asarray(results["forces"])[order], results.get("stress"), notes)
