"""Test potentials, test cells and a deliberately naive UF3 evaluator: the oracle of the potential tests.

Random numbers come from splitmix64 so that the same potential and cell can be rebuilt anywhere.
"""

import itertools
from dataclasses import dataclass, field

import numpy as np


@dataclass
class Model:
    """Blocks by element: pairs[(a, b)] = (knots, c, rc); triplets[(i, j, k)] = (three knots, c[l, m, n], three rc).

    Axes and cutoffs of a triplet stand in the order ij, ik, jk.
    """

    pairs: dict = field(default_factory=dict)
    triplets: dict = field(default_factory=dict)
    onebody: dict = field(default_factory=dict)

    def pair(self, a, b):
        return self.pairs.get((a, b)) or self.pairs[b, a]

    def triplet(self, i, j, k):
        if (i, j, k) in self.triplets:
            return self.triplets[i, j, k]
        (ij, ik, jk), c, (rij, rik, rjk) = self.triplets[i, k, j]
        return (ik, ij, jk), c.transpose(1, 0, 2), (rik, rij, rjk)


def uniform(seed, n):
    """Return `n` doubles in [0, 1) from splitmix64."""
    mask, out, state = (1 << 64) - 1, np.empty(n), seed
    for i in range(n):
        state = (state + 0x9E3779B97F4A7C15) & mask
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        out[i] = ((z ^ (z >> 31)) >> 11) * 2.0**-53
    return out


def clamped(first, last, intervals, warp=1.0):
    knots = first + (last - first) * np.linspace(0, 1, intervals + 1) ** warp
    return np.round(np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3], 10)


def tiny(asymmetric=False):
    """V2 = 0.01 (4-r)^3 on [1,4];  V3 = 1e-6 (4-x)^3 (4-y)^3 (8-z)^3 on [1,4] x [1,4] x [1,8]."""
    leg, far, c = clamped(1, 4, 1), clamped(1, 8, 1), np.zeros((4, 4, 4))
    c[0, 0, 0] = 0.250047
    if asymmetric:
        c[1, 0, 0] = 0.1
    return Model(
        {("Li", "Li"): (leg, np.array([0.27, 0, 0, 0]), 4.0)},
        {("Li", "Li", "Li"): ((leg, leg, far), c, (4.0, 4.0, 8.0))},
    )


def tiny2():
    """Li and S with a different non-zero coefficient on every axis of every block."""
    model, leg, far = tiny(), clamped(1, 4, 1), clamped(1, 8, 1)
    model.pairs["Li", "S"] = (leg, np.array([0.1, 0.05, 0, 0]), 4.0)
    model.pairs["S", "S"] = (leg, np.array([0.2, 0, 0, 0]), 4.0)
    trios = [("Li", "Li", "S"), ("Li", "S", "S"), ("S", "Li", "Li"), ("S", "Li", "S"), ("S", "S", "S")]
    for n, (i, j, k) in enumerate(trios):
        c = np.zeros((4, 4, 4))
        c[1, 0, 0] = 0.3 + 0.1 * n
        c[0, 0, 1] = 0.05
        if j == k:
            c[0, 1, 0] = c[1, 0, 0]
        model.triplets[i, j, k] = ((leg, leg, far), c, (4.0, 4.0, 8.0))
    return model


def random_model(elements=("Li", "P", "S"), warp=1.0, seed=3, rc2=6.5, rc3=4.5, n2=16, n3=5, n3jk=10, first=1.0):
    """Smooth, mildly repulsive potential with trailing trim 3."""
    model = Model()
    draws, position = uniform(seed, 4 * len(elements) ** 3 * (n3 + 3) ** 2 * (n3jk + 3) + 64), 0
    size = {"Li": 1.1, "P": 1.1, "S": 1.3}
    for a, b in itertools.combinations_with_replacement(elements, 2):
        s = size.get(a, 1.2) + size.get(b, 1.2) - (0.5 if {a, b} == {"P", "S"} else 0.0)
        knots = clamped(first, rc2, n2, warp)
        g = greville(knots)
        c = np.minimum(0.25 * (s / g) ** 9 - 0.06 * np.exp(-(((g - 1.35 * s) / 0.8) ** 2)), 30.0)
        c[-3:] = 0
        model.pairs[a, b] = (knots, c, rc2)
    leg, far = clamped(first, rc3, n3, warp), clamped(first, 2 * rc3, n3jk, warp)
    g1, g3 = greville(leg), greville(far)
    bump = 0.01 * np.exp(-((g1[:, None, None] - 2.5) ** 2 + (g1[:, None] - 2.5) ** 2 + (g3 - 3.8) ** 2))
    for i in elements:
        for j, k in itertools.combinations_with_replacement(elements, 2):
            c = 0.007 * (draws[position : position + bump.size].reshape(bump.shape) - 0.5)
            position += bump.size
            if j == k:
                c = 0.5 * (c + c.transpose(1, 0, 2))
            c = c + bump
            c[-3:] = c[:, -3:] = c[:, :, -3:] = 0
            model.triplets[i, j, k] = ((leg, leg, far), c, (rc3, rc3, 2 * rc3))
    return model


def unequal_legs(model, legs=(4.5, 3.2, 4.0, 2.8), far=(1.0, 0.7)):
    """Return `model` with other legs in every block and sides r_jk that end at `far` times their sum, all by turns."""
    legs, far = itertools.cycle(legs), itertools.cycle(far)
    triplets = {}
    for (i, j, k), (knots, c, _) in model.triplets.items():
        ij = next(legs)
        ik = ij if j == k else next(legs)
        cutoffs = (ij, ik, next(far) * (ij + ik))
        axes = tuple(clamped(t[0], rc, len(t) - 7) for t, rc in zip(knots, cutoffs, strict=True))
        triplets[i, j, k] = (axes, c, cutoffs)
    return Model(model.pairs, triplets, model.onebody)


def greville(knots):
    return np.array([knots[i + 1 : i + 4].mean() for i in range(len(knots) - 4)])


def write(path, model, kind="uk", units="metal"):
    """Write `model` in the unified format, independent of the writer under test."""
    header = f"#UF3 POT UNITS: {units} DATE: 2025-01-01 AUTHOR: synthetic CITATION: none"

    def row(values):
        return " ".join(repr(float(x)) for x in values)

    lines = []
    for (a, b), (knots, c, rc) in model.pairs.items():
        lines += [header, f"2B {a} {b} 0 3 {kind}", f"{rc!r} {len(knots)}", row(knots), str(len(c)), row(c), "#"]
    for (i, j, k), (knots, c, rc) in model.triplets.items():
        lines += [header, f"3B {i} {j} {k} 0 3 {kind}"]
        lines += [" ".join(map(repr, rc[::-1])) + "".join(f" {len(t)}" for t in knots[::-1])]
        lines += [row(t) for t in knots[::-1]] + ["{} {} {}".format(*c.shape)]
        lines += [row(c[x, y]) for x in range(c.shape[0]) for y in range(c.shape[1])] + ["#"]
    lines += [f"#UFP ONEBODY {element} {energy!r}" for element, energy in model.onebody.items()]
    path.write_text("\n".join(lines) + "\n")
    return path


def basis(knots, r):
    """All cubic basis functions and first derivatives at `r`, half-open at the right end (Cox and de Boor)."""
    n = len(knots) - 1
    values = [np.where((knots[:-1] <= r) & (r < knots[1:]), 1.0, 0.0)]
    for degree in (1, 2, 3):
        lower, out = values[-1], np.zeros(n - degree)
        for i in range(n - degree):
            if knots[i + degree] > knots[i]:
                out[i] += (r - knots[i]) / (knots[i + degree] - knots[i]) * lower[i]
            if knots[i + degree + 1] > knots[i + 1]:
                out[i] += (knots[i + degree + 1] - r) / (knots[i + degree + 1] - knots[i + 1]) * lower[i + 1]
        values.append(out)
    slope = np.zeros(n - 3)
    for i in range(n - 3):
        if knots[i + 3] > knots[i]:
            slope[i] += 3 / (knots[i + 3] - knots[i]) * values[2][i]
        if knots[i + 4] > knots[i + 1]:
            slope[i] -= 3 / (knots[i + 4] - knots[i + 1]) * values[2][i + 1]
    return values[3], slope


def evaluate(model, positions, species, cell=None, degree=3):
    """Energy, forces (n, 3) and virial W = -dE/d(strain) (3, 3); `cell` (3, 3) has rows a, b, c or is None.

    Distances below the first knot are outside of its domain: they must not occur.
    """
    positions = np.asarray(positions, float)
    cutoffs = [block[2] for block in model.pairs.values()]
    if degree == 3:
        cutoffs += [max(block[2][:2]) for block in model.triplets.values()]
    reach = max(cutoffs)
    energy, force, virial = 0.0, np.zeros_like(positions), np.zeros((3, 3))

    def leg(a, b, d, r, slope):
        nonlocal virial
        g = slope * d / r
        force[a] += g
        force[b] -= g
        virial -= np.outer(d, g)

    for i, centre in enumerate(positions):
        neighbours = []
        for shift in images(cell, reach):
            d = positions + shift - centre
            r = np.sqrt((d * d).sum(1))
            neighbours += [(j, d[j], r[j]) for j in np.flatnonzero((r < reach) & (r > 1e-12))]
        for j, d, r in neighbours:
            knots, c, rc = model.pair(species[i], species[j])
            if r < rc:
                b, db = basis(knots, r)
                energy += c @ b
                leg(i, j, d, r, c @ db)
        if degree == 2:
            continue
        for (j, dj, rj), (k, dk, rk) in itertools.combinations(neighbours, 2):
            (kij, kik, kjk), c, rc = model.triplet(species[i], species[j], species[k])
            djk = dk - dj
            rjk = np.sqrt(djk @ djk)
            if rj >= rc[0] or rk >= rc[1] or rjk >= rc[2]:
                continue
            (bl, dl), (bm, dm), (bn, dn) = basis(kij, rj), basis(kik, rk), basis(kjk, rjk)
            cn = c @ bn
            energy += bl @ cn @ bm
            leg(i, j, dj, rj, dl @ cn @ bm)
            leg(i, k, dk, rk, bl @ cn @ dm)
            leg(j, k, djk, rjk, bl @ (c @ dn) @ bm)
    return energy, force, virial


def images(cell, reach):
    if cell is None:
        return [np.zeros(3)]
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    ranges = [range(-n, n + 1) for n in np.ceil(reach / heights).astype(int) + 1]
    return [np.array(n) @ cell for n in itertools.product(*ranges)]


def packing(n=384, density=0.05, smallest=1.9, seed=1):
    """Positions (n, 3), types (1 1 1 2 3 3 3 3 repeated) and the edge of a cubic Li3PS4-like random packing."""
    edge = (n / density) ** (1 / 3)
    x = uniform(seed, 3 * n).reshape(n, 3) * edge
    for _ in range(400):
        d = x[:, None] - x[None]
        d -= edge * np.round(d / edge)
        r = np.sqrt((d * d).sum(-1))
        i, j = np.nonzero(np.triu(r < smallest, 1))
        if len(i) == 0:
            break
        step = d[i, j] * ((smallest - r[i, j]) * 0.55 / np.maximum(r[i, j], 1e-6))[:, None]
        np.add.at(x, i, step)
        np.add.at(x, j, -step)
        x %= edge
    # twelve decimals, as in the data file from which the reference numbers were made
    return np.round(x, 12), np.tile([1, 1, 1, 2, 3, 3, 3, 3], -(-n // 8))[:n], edge
