"""A small regression with known coefficients: features of random Li-S structures, labels with Gaussian noise."""

import dataclasses
from functools import cache

import numpy as np

import naive_features
from uf3_reference import clamped

SIGMA = {"energy": 0.05, "forces": 0.1, "stress": 0.5}  # eV per structure, eV/Å, eV: of the virial


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows scaled by one over sigma: `x` (R, P), `sigma` (R,), `kind` (R,), `group` (R,) number of the structure."""

    x: np.ndarray
    sigma: np.ndarray
    kind: np.ndarray
    group: np.ndarray


@dataclasses.dataclass(frozen=True)
class Part:
    """What a fit needs of some rows, as `gram.NormalEquations` gives it."""

    gram: np.ndarray
    rhs: np.ndarray
    yy: float
    rows: int

    def total(self):
        return self.gram, self.rhs, self.yy, self.rows


def small_layout():
    return naive_features.layout(("Li", "S"), clamped(1.5, 4, 5), (clamped(1.5, 3.2, 2), clamped(1.5, 6.4, 4)))


def structure(generator, compositions=(("Li", 3, "S", 2), ("Li", 2, "S", 3), ("Li", 4, "S", 1))):
    a, n, b, m = compositions[generator.integers(len(compositions))]
    symbols = [a] * n + [b] * m
    cell = np.diag(generator.uniform(4.4, 5.2, 3))
    positions = []
    while len(positions) < len(symbols):
        new = generator.random(3) @ cell
        d = np.array(positions).reshape(-1, 3) - new
        d -= np.diag(cell) * np.round(d / np.diag(cell))
        if (np.linalg.norm(d, axis=1) > 2.02).all():
            positions.append(new)
    return symbols, np.array(positions), cell


@cache
def rows(count=14, seed=2, compositions=None):
    """Scaled rows of `count` structures in the small layout."""
    generator, of = np.random.default_rng(seed), small_layout()
    x, kind, group = [], [], []
    for number in range(count):
        out = naive_features.features(of, *structure(generator, *([compositions] if compositions else [])))
        for name, block in (("energy", out.energy), ("forces", out.forces), ("stress", out.virial)):
            block = block.reshape(-1, of.n_columns)
            x.append(block)
            kind += [name] * len(block)
            group += [number] * len(block)
    sigma = np.array([SIGMA[name] for name in kind])
    return Rows(np.vstack(x) / sigma[:, None], sigma, np.array(kind), np.array(group))


def part(x, y):
    """Normal equations of scaled rows and labels; the upper triangle is deliberately wrong."""
    gram = x.T @ x
    gram[np.triu_indices(len(gram), 1)] = np.nan
    return Part(gram, x.T @ y, float(y @ y), len(y))
