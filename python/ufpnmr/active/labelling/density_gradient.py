"""Electric field gradients at nuclei from an electron density given by states in a Gaussian basis.

The Coulomb potential is split, 1/r = erfc(wr)/r + erf(wr)/r. The short-range part is integrated on a grid about each
nucleus, the long-range part summed over reciprocal vectors; the density that the functions of one all-electron atom
make among themselves, which no affordable grid can hold, is Fourier transformed analytically. Cells of any shape.
PySCF evaluates the basis functions and their lattice sums.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ufpnmr.active.labelling.cp2k_density import DensityMatrix, State
from ufpnmr.errors import InputError
from ufpnmr.units import BOHR_ANGSTROM, HARTREE_EV

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Basis", "Ion", "Quadrature", "field_gradients"]

Array = NDArray[np.float64]
_BLOCK = 1120
"""Points evaluated at once: a multiple of PySCF's 56, and small enough for the memory to be used again."""
_BOX = 2.0
"""Bohr. Points are taken box by box: of points close together PySCF leaves out the functions that do not reach them."""
_LATTICE_PRECISION = 1e-6


@dataclasses.dataclass(frozen=True)
class Basis:
    """One entry of a CP2K basis set file.

    Attributes
    ----------
    element, name : str
    shells : tuple
        In the order of the file: angular momentum, then rows of exponent and coefficient.
    """

    element: str
    name: str
    shells: tuple[tuple[int, Array], ...]

    @classmethod
    def read(cls, path: Path, element: str, name: str) -> Basis:
        """Read an entry by one of its names.

        Raises
        ------
        InputError
            No such file or entry.
        """
        if not path.is_file():
            raise InputError(f"{path}: no such basis set file; name CP2K's data folder with the option data")
        text = path.read_text(encoding="utf-8").splitlines()
        lines = [line.split() for line in text if line.strip() and not line.lstrip().startswith("#")]
        start = next((n for n, words in enumerate(lines) if words[0] == element and name in words[1:]), None)
        if start is None:
            raise InputError(f"{path}: no basis set {name} for {element}")
        shells, row = [], start + 2
        for _ in range(int(lines[start + 1][0])):
            _, lowest, highest, exponents, *counts = map(int, lines[row])
            values = np.array(lines[row + 1 : row + 1 + exponents], dtype=np.float64)
            row += 1 + exponents
            column = 1
            for momentum, count in zip(range(lowest, highest + 1), counts, strict=True):
                for _ in range(count):
                    own = values[:, [0, column]]
                    shells.append((momentum, own[own[:, 1] != 0]))
                    column += 1
        return cls(element, name, tuple(shells))

    def to_pyscf(self) -> list[Any]:
        """Return the shells as PySCF takes them, those of one set of exponents as one: its Gaussians are shared."""
        sets: list[tuple[int, Array]] = []
        for momentum, rows in self.shells:
            last, shared = sets[-1] if sets else (-1, rows)
            if last == momentum and np.array_equal(shared[:, 0], rows[:, 0]):
                sets[-1] = (momentum, np.column_stack([shared, rows[:, 1]]))
            else:
                sets.append((momentum, rows))
        return [[momentum, *rows.tolist()] for momentum, rows in sets]

    def order(self) -> list[int]:
        """Return which of CP2K's functions stands at each place of PySCF's.

        PySCF sorts the shells of an atom by momentum, and has p functions as x, y, z where CP2K has y, z, x.
        """
        starts = np.cumsum([0, *(2 * momentum + 1 for momentum, _ in self.shells)])
        out: list[int] = []
        for wanted in range(max(momentum for momentum, _ in self.shells) + 1):
            for (momentum, _), start in zip(self.shells, starts.tolist(), strict=False):
                if momentum == wanted:
                    inside = (2, 0, 1) if momentum == 1 else range(2 * momentum + 1)
                    out += [start + m for m in inside]
        return out


@dataclasses.dataclass(frozen=True)
class Ion:
    """What is known of one element.

    Attributes
    ----------
    basis : Basis
    charge : int
        Of nucleus or pseudopotential, in elementary charges.
    all_electron : bool
        Gradients are evaluated at atoms of such elements.
    """

    basis: Basis
    charge: int
    all_electron: bool


@dataclasses.dataclass(frozen=True)
class Quadrature:
    """Parameters of the split, in Bohr; with these the tensors of Li are good to 0.04 %.

    Attributes
    ----------
    split : float
        w, 1/Bohr.
    reciprocal_cutoff, grid_cutoff : float
        Largest reciprocal vector, and of the grid on which the density is sampled, 1/Bohr.
    lebedev, radial : int
        Points on each sphere, and spheres about a nucleus.
    radius : float
        Of the outermost sphere.
    own_radius : float
        How far functions of an all-electron atom are followed.
    """

    split: float = 0.7
    reciprocal_cutoff: float = 5.6
    grid_cutoff: float = 10.0
    lebedev: int = 194
    radial: int = 28
    radius: float = 5.3
    own_radius: float = 11.0


def field_gradients(
    atoms: Atoms,
    density: DensityMatrix,
    divisions: tuple[int, int, int],
    ions: Mapping[str, Ion],
    quadrature: Quadrature = Quadrature(),
) -> tuple[Array, float]:
    """Evaluate V = ∂²φ/∂x∂x at the all-electron atoms; a positive charge on z gives V_zz > 0.

    Parameters
    ----------
    atoms : ase.Atoms
        Away from the planes ±1/2 of the cell: CP2K counts cells from the images nearest to the origin.
    density : DensityMatrix
    divisions : (int, int, int)
        Of the k mesh.
    ions : mapping
        By element.
    quadrature : Quadrature

    Returns
    -------
    V : (N, 3, 3) V/Å²
        NaN at atoms that are not all-electron.
    electrons : float
        Integral of the density. Unless it is the number of electrons, CP2K and PySCF do not mean the same functions.
    """
    from pyscf.pbc import gto

    symbols = atoms.get_chemical_symbols()  # type: ignore[no-untyped-call]
    fractions = atoms.get_scaled_positions(wrap=False)  # type: ignore[no-untyped-call]
    cell = gto.Cell()
    cell.a = atoms.cell.array
    cell.unit = "A"
    cell.atom = list(zip(symbols, ((fractions - np.rint(fractions)) @ atoms.cell.array).tolist(), strict=True))
    cell.basis = {s: ions[s].basis.to_pyscf() for s in set(symbols)}
    cell.precision = _LATTICE_PRECISION
    cell.verbose = 0
    cell.spin = None
    cell.build(dump_input=False, parse_arg=False)
    order = _order(symbols, ions)
    states = [
        State(s.k @ cell.reciprocal_vectors(), np.ascontiguousarray(s.coefficients[order]), s.occupation)
        for s in density.states(divisions)
    ]
    overlaps = cell.pbc_intor("int1e_ovlp", kpts=np.array([s.k for s in states]))
    electrons = sum(
        float((s.coefficients.conj() * (o @ s.coefficients)).sum(0).real @ s.occupation)
        for o, s in zip(overlaps, states, strict=True)
    )
    charges = np.array([ions[s].charge for s in symbols], dtype=np.float64)
    sites = [i for i, s in enumerate(symbols) if ions[s].all_electron]
    onsite = density.blocks[0, 0, 0][np.ix_(order, order)]
    starts = np.cumsum([0, *density.functions])
    own = {i: onsite[starts[i] : starts[i + 1], starts[i] : starts[i + 1]] for i in sites}
    V = np.full((len(symbols), 3, 3), np.nan)
    V[sites] = _short_range(cell, states, charges, sites, quadrature)
    V[sites] += _long_range(cell, states, charges, sites, [ions[s].basis for s in symbols], own, quadrature)
    return V * HARTREE_EV / BOHR_ANGSTROM**2, electrons


def _order(symbols: Sequence[str], ions: Mapping[str, Ion]) -> NDArray[np.intp]:
    """Return CP2K's number of each of PySCF's functions."""
    inside = {s: np.array(ions[s].basis.order()) for s in set(symbols)}
    starts = np.cumsum([0, *(len(inside[s]) for s in symbols)])
    return np.concatenate([start + inside[s] for start, s in zip(starts, symbols, strict=False)])


def _short_range(cell: Any, states: list[State], charges: Array, sites: list[int], q: Quadrature) -> Array:
    """Sum what lies near each nucleus: electrons by quadrature, the other nuclei one by one. Hartree/e/Bohr²."""
    from pyscf.dft import LebedevGrid

    nodes, weights = np.polynomial.legendre.leggauss(q.radial)
    t = (nodes + 1) / 2
    r = q.radius * t**2
    radial = weights * q.radius * t
    sphere = LebedevGrid.MakeAngularGrid(q.lebedev)
    directions, angular = sphere[:, :3], sphere[:, 3] * 4 * np.pi
    positions, vectors = cell.atom_coords(), cell.lattice_vectors()
    points = np.concatenate([positions[s] + (r[:, None, None] * directions).reshape(-1, 3) for s in sites])
    rho = _density(cell, states, points).reshape(len(sites), len(r), len(directions))
    V = -np.einsum(
        "r,srn,n,nab->sab", radial * r**2 * _kernel(r, q.split), rho, angular, _traceless(directions), optimize=True
    )
    images = np.indices((5, 5, 5)).reshape(3, -1).T - 2
    for k, site in enumerate(sites):
        d = (positions[None] + (images @ vectors)[:, None] - positions[site]).reshape(-1, 3)
        distance = np.linalg.norm(d, axis=1)
        near = (distance > 1e-6) & (distance < 7.0 / q.split)
        d, distance = d[near], distance[near]
        strength = np.tile(charges, len(images))[near] * _kernel(distance, q.split) / distance**2
        V[k] += np.einsum("i,iab->ab", strength, _traceless(d))
    return np.asarray(V)


def _long_range(
    cell: Any,
    states: list[State],
    charges: Array,
    sites: list[int],
    bases: Sequence[Basis],
    own: Mapping[int, Array],
    q: Quadrature,
) -> Array:
    """Sum over reciprocal vectors, Hartree/e/Bohr²; `own` is the on-site density matrix of the all-electron atoms."""
    vectors, positions = cell.lattice_vectors(), cell.atom_coords()
    mesh = [int(2 * np.ceil(q.grid_cutoff * np.linalg.norm(v) / (2 * np.pi)) + 1) for v in vectors]
    points = np.stack(np.meshgrid(*[np.arange(m) / m for m in mesh], indexing="ij"), -1).reshape(-1, 3) @ vectors
    single = {b.element: _free_atom(b) for b in bases if any(bases[i].element == b.element for i in sites)}
    rho = _density(cell, states, points)
    for i in sites:
        rho -= _own_density(single[bases[i].element], own[i], mesh, vectors, positions[i], q.own_radius)
    transformed = np.fft.fftn(rho.reshape(mesh)).ravel() * abs(np.linalg.det(vectors)) / len(points)
    numbers = [np.rint(np.fft.fftfreq(m) * m).astype(int) for m in mesh]
    indices = np.stack(np.meshgrid(*numbers, indexing="ij"), -1).reshape(-1, 3)
    G = indices @ cell.reciprocal_vectors()
    square = (G**2).sum(1)
    first = np.where(indices[:, 0] != 0, indices[:, 0], np.where(indices[:, 1] != 0, indices[:, 1], indices[:, 2]))
    half = (first > 0) & (square < q.reciprocal_cutoff**2)  # G and -G give the same
    G, square = G[half], square[half]
    total = np.exp(-1j * (G @ positions.T)) @ charges - transformed[half]
    for element, atom in single.items():
        from pyscf.gto import ft_ao

        same = [i for i in sites if bases[i].element == element]
        pairs = ft_ao.ft_aopair(atom, G).reshape(len(G), -1)
        transforms = pairs @ np.stack([own[i].ravel() for i in same], 1).astype(complex)
        total -= (np.exp(-1j * (G @ positions[same].T)) * transforms).sum(1)
    potential = 4 * np.pi / square * np.exp(-square / (4 * q.split**2)) * total / abs(np.linalg.det(vectors))
    phases = np.exp(1j * (G @ positions[sites].T))
    return np.asarray(-2 * np.einsum("gs,gab->sab", (potential[:, None] * phases).real, _traceless(G), optimize=True))


def _density(cell: Any, states: list[State], points: Array) -> Array:
    """Electron density at `points` (n, 3) in Bohr, 1/Bohr³."""
    out = np.zeros(len(points))
    kpts = np.array([s.k for s in states])
    orbitals = [s.coefficients * np.sqrt(s.occupation.astype(complex)) for s in states]
    order = np.lexsort(np.floor(points / _BOX).T)
    for start in range(0, len(points), _BLOCK):
        part = order[start : start + _BLOCK]
        values = [v.T for v in cell.pbc_eval_gto("GTOval", points[part], kpts=kpts)]
        reach = values[0].any(axis=1)
        for functions, coefficients, state in zip(values, orbitals, states, strict=True):
            waves = coefficients[reach].T @ functions[reach]
            out[part] += np.sign(state.occupation) @ (waves.real**2 + waves.imag**2)
    return out


def _own_density(
    atom: Any, matrix: Array, mesh: Sequence[int], vectors: Array, position: Array, radius: float
) -> Array:
    """Density that the functions of one atom make among themselves, with its images, on the grid."""
    inverse = np.linalg.inv(vectors)
    centre, reach = position @ inverse, radius * np.linalg.norm(inverse, axis=0)
    axes = [
        np.arange(np.ceil((c - r) * m), np.floor((c + r) * m) + 1) for c, r, m in zip(centre, reach, mesh, strict=True)
    ]
    steps = [(axis / m - c)[:, None] * v for axis, m, c, v in zip(axes, mesh, centre, vectors, strict=True)]
    points = steps[0][:, None, None] + steps[1][:, None] + steps[2]
    near = np.nonzero((points**2).sum(-1) < radius**2)
    places = np.ravel_multi_index([a[n].astype(int) % m for a, n, m in zip(axes, near, mesh, strict=True)], mesh)
    values = atom.eval_gto("GTOval", points[near])
    density = ((values @ matrix) * values).sum(1)
    return np.asarray(np.bincount(places, density, minlength=int(np.prod(mesh))), dtype=np.float64)


def _free_atom(basis: Basis) -> Any:
    from pyscf import gto

    atom = gto.Mole()
    atom.atom = [(basis.element, (0.0, 0.0, 0.0))]
    atom.basis = {basis.element: basis.to_pyscf()}
    atom.spin = None
    atom.verbose = 0
    atom.build(dump_input=False, parse_arg=False)
    return atom


def _kernel(r: Array, w: float) -> Array:
    """Return k(r) of the traceless ∂²[erfc(wr)/r] = k(r) (n n - 1/3)."""
    from scipy.special import erfc

    gauss, norm = np.exp(-((w * r) ** 2)), 2 * w / np.sqrt(np.pi)
    return np.asarray(3 * erfc(w * r) / r**3 + 3 * norm * gauss / r**2 + 2 * w**2 * norm * gauss)


def _traceless(v: Array) -> Array:
    """Return v v - v² 1/3 of vectors (..., 3)."""
    outer = v[..., :, None] * v[..., None, :]
    return np.asarray(outer - np.trace(outer, axis1=-2, axis2=-1)[..., None, None] * np.eye(3) / 3)
