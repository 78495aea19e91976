"""Columns of the polarisable baseline from their definition in docs/efg_training.md, written down naively."""

import itertools

import numpy as np
from scipy.interpolate import BSpline
from scipy.special import erfc

from ufpnmr.efg.point_charges import charge_gradients
from ufpnmr.efg.tensors import to_matrix, to_voigt6, traceless


def arguments(atoms):
    return atoms.cell.array, atoms.positions, list(map(str, atoms.symbols))


def displacements(atoms, reach):
    """All (i, j, x_j - x_i) within `reach`, images included, the atom itself not."""
    cell = atoms.cell.array
    counts = [int(np.ceil(reach * np.linalg.norm(column))) + 1 for column in np.linalg.inv(cell).T]
    shifts = np.array(list(itertools.product(*(range(-n, n + 1) for n in counts)))) @ cell
    D = atoms.positions[None, :, None] - atoms.positions[:, None, None] + shifts
    r = np.linalg.norm(D, axis=-1)
    i, j, s = np.nonzero((r < reach) & (r > 1e-9))
    return i, j, D[i, j, s]


def pair_fields(atoms):
    """Potential (N, N) and field (N, N, 3) at i of unit charges at j: Ewald's sum term by term, alpha 0.45."""
    alpha, x, cell = 0.45, atoms.positions, atoms.cell.array
    volume, star = atoms.get_volume(), 2 * np.pi * np.linalg.inv(atoms.cell.array).T
    phi, E = np.zeros((len(x), len(x))), np.zeros((len(x), len(x), 3))
    i, j, D = displacements(atoms, 14.0)
    r = np.linalg.norm(D, axis=1)
    np.add.at(phi, (i, j), erfc(alpha * r) / r)
    slope = (erfc(alpha * r) / r + 2 * alpha / np.sqrt(np.pi) * np.exp(-((alpha * r) ** 2))) / r**2
    np.add.at(E, (i, j), -slope[:, None] * D)
    top = [int(np.ceil(5.4 * np.linalg.norm(row) / (2 * np.pi))) for row in cell]
    k = np.array(list(itertools.product(*(range(-n, n + 1) for n in top)))) @ star
    k = k[np.linalg.norm(k, axis=1) > 1e-9]
    k2 = np.sum(k**2, axis=1)
    weight = 4 * np.pi / volume * np.exp(-k2 / (4 * alpha**2)) / k2
    wave = np.exp(1j * x @ k.T)
    phi += np.real((wave * weight) @ wave.conj().T)
    for a in range(3):
        E[..., a] += np.imag((wave * (weight * k[:, a])) @ wave.conj().T)
    return phi - np.pi / (volume * alpha**2) - 2 * alpha / np.sqrt(np.pi) * np.eye(len(x)), E


def of_charges(atoms, centres, charges):
    cell, positions, _ = arguments(atoms)
    return traceless(charge_gradients(cell, positions, [charges], centres, tolerance=1e-15)[:, 0])


def of_dipoles(atoms, centres, dipoles, h=3e-3):
    """Dipoles as pairs of charges a distance 2h apart, on atoms of their own."""
    cell, positions, _ = arguments(atoms)
    carrier = np.flatnonzero(np.abs(dipoles).sum(axis=1))
    size = np.linalg.norm(dipoles[carrier], axis=1)
    step = h * dipoles[carrier] / size[:, None]
    x = np.concatenate([positions[centres], positions[carrier] + step, positions[carrier] - step])
    q = np.concatenate([np.zeros(len(centres)), size / (2 * h), -size / (2 * h)])
    return traceless(charge_gradients(cell, x, [q], np.arange(len(centres)), tolerance=1e-15)[:, 0])


class Molecules:
    """Bonds, weights and fields of a structure for a baseline of one kind of bond."""

    def __init__(self, atoms, baseline):
        (bond,) = baseline.bonds
        self.baseline, self.symbols = baseline, np.array(list(map(str, atoms.symbols)))
        self.phi, self.E = pair_fields(atoms)
        self.kind = np.array([self.symbols == name for name in baseline.species], dtype=float)
        self.ligands = np.flatnonzero(self.symbols == bond.ligand)
        self.i, self.j, self.D = displacements(atoms, max(baseline.cutoff, bond.cutoff))
        self.r = np.linalg.norm(self.D, axis=1)
        self.bond, coordination = {}, np.zeros(len(atoms))
        for a, b, d, v in zip(self.i, self.j, self.r, self.D, strict=True):
            if self.symbols[a] == bond.ligand and self.symbols[b] == bond.centre and d < bond.cutoff:
                coordination[a] += self.weight(d)
                if d < self.bond.get(a, (np.inf,))[0]:
                    self.bond[a] = (d, b, v / d)
        self.free, self.excess = np.maximum(0, 1 - coordination), np.maximum(0, coordination - 1)
        self.field = np.einsum("s,sn,ina->ia", baseline.field_charges, self.kind, self.E)

    def weight(self, d):
        """Of a bond in coordination numbers and, with surroundings, in all that it does."""
        x = np.clip((d / self.baseline.bonds[0].cutoff - 0.85) / 0.15, 0, 1)
        return 1 - x**2 * (3 - 2 * x)

    def of_bond(self, a):
        return self.weight(self.bond[a][0]) if self.baseline.surroundings else 1.0

    def stretch(self, a):
        return self.bond[a][0] - self.baseline.bonds[0].length

    def splines(self, d, count):
        first, cutoff = self.baseline.first, self.baseline.cutoff
        knots = np.concatenate([[first] * 3, np.linspace(first, cutoff, count + 1), [cutoff] * 3])
        if d >= cutoff:
            return np.zeros(count)
        return np.array([BSpline(knots, np.eye(count + 3)[m], 3)(max(d, first)) for m in range(count)])


def far_columns(atoms, centres, baseline):
    """Columns that act through lattice sums."""
    m, n = Molecules(atoms, baseline), len(atoms)
    species = range(len(baseline.species))
    columns = [of_charges(atoms, centres, m.kind[s]) for s in species]

    def flow(value):
        q = np.zeros(n)
        for a, (_, b, _) in m.bond.items():
            q[a] += m.of_bond(a) * value(a)
            q[b] -= m.of_bond(a) * value(a)
        columns.append(of_charges(atoms, centres, q))

    def polarised(value):
        mu = np.zeros((n, 3))
        for a in m.bond:
            mu[a] = m.of_bond(a) * value(a)
        columns.append(of_dipoles(atoms, centres, mu))

    flow(m.stretch)
    for s in species:
        flow(lambda a, s=s: m.phi[a] @ m.kind[s])
    polarised(lambda a: m.bond[a][2])
    polarised(lambda a: m.bond[a][2] * m.stretch(a))
    for s in species:
        polarised(lambda a, s=s: m.kind[s] @ m.E[a])
    if baseline.surroundings:
        is_ligand = np.isin(np.arange(n), m.ligands)
        columns += [of_charges(atoms, centres, np.where(is_ligand, part, 0)) for part in (m.free, m.excess)]
        for s in species:
            mu = np.einsum("n,ina->ia", m.kind[s], m.E) * (m.free * is_ligand)[:, None]
            columns.append(of_dipoles(atoms, centres, mu))
        vectors = np.zeros((len(baseline.species), baseline.surroundings, n, 3))
        for a, b, d, v in zip(m.i, m.j, m.r, m.D, strict=True):
            if is_ligand[a]:
                of_species = m.kind[:, b, None, None] * m.splines(d, baseline.surroundings)[None, :, None]
                vectors[:, :, a] += of_species * v / d
        columns += [of_dipoles(atoms, centres, mu) for mu in vectors.reshape(-1, n, 3)]
    return np.stack(columns, axis=1)


def near_columns(atoms, centres, baseline):
    """Short-ranged tensors and the kernel's, and the invariants of the pairs."""
    m = Molecules(atoms, baseline)
    own = to_matrix(of_charges(atoms, centres, np.array(baseline.field_charges) @ m.kind))
    count, kernel = baseline.splines, baseline.kernel
    references = np.zeros((0, 8)) if kernel is None else kernel.points
    short = np.zeros((len(centres), 14, count, 3, 3))
    alone = np.zeros((len(centres), count, 3, 3))
    alike = np.zeros((len(centres), len(references), 3, 3, 3))
    invariants = []
    for a, b, d, v in zip(m.i, m.j, m.r, m.D, strict=True):
        if a not in centres or b not in m.ligands:
            continue
        row, u = list(centres).index(a), v / d
        splines = m.splines(d, count)
        alone[row] += m.free[b] * splines[:, None, None] * np.outer(u, u)
        if b not in m.bond:
            continue
        p, field = m.bond[b][2], m.field[a]
        tensors = [(u @ p) ** k * np.outer(*pair) for pair in ((u, u), (u, p), (p, p)) for k in range(4)]
        tensors += [np.outer(u, field), (u @ field) * np.outer(u, u)]
        short[row] += m.of_bond(b) * np.array(tensors)[:, None] * splines[None, :, None, None]
        if kernel is not None and d < kernel.cutoff:
            at_site = (field @ u, field @ p, u @ own[row] @ u / 14.399645)
            x = np.array([d, u @ p, m.stretch(b), m.field[b] @ u, m.field[b] @ p, *at_site])
            invariants.append(x)
            k = np.exp(-0.5 * np.sum((x / kernel.scale - references) ** 2, axis=1))
            k *= m.of_bond(b) * 0.5 * (1 + np.cos(np.pi * d / kernel.cutoff))
            alike[row] += k[:, None, None, None] * np.array([np.outer(u, u), np.outer(u, p), np.outer(p, p)])
    parts = [short.reshape(len(centres), -1, 3, 3)]
    if baseline.surroundings:
        parts.append(alone)
    parts.append(alike.reshape(len(centres), -1, 3, 3))
    return traceless(to_voigt6(np.concatenate(parts, axis=1))), np.array(invariants)
