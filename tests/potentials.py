"""The test potentials and cells of `uf3_reference` as the objects the package works with."""

from ase import Atoms

import uf3_reference as reference
from ufpnmr.potential import PairBlock, Potential, TripletBlock


def as_potential(model, **kwargs):
    pairs = [PairBlock(e, knots, c, rc) for e, (knots, c, rc) in model.pairs.items()]
    triplets = [TripletBlock(e, knots, c, rc) for e, (knots, c, rc) in model.triplets.items()]
    return Potential(tuple(pairs), tuple(triplets), **kwargs)


def tiny(**kwargs):
    return as_potential(reference.tiny(), **kwargs)


def tiny2():
    return as_potential(reference.tiny2())


def random_potential(elements=("Li", "P", "S"), *, warp=1.0, seed=3, **kwargs):
    return as_potential(reference.random_model(elements, warp=warp, seed=seed), **kwargs)


def packing(n=24):
    positions, types, edge = reference.packing(n)
    return Atoms([["Li", "P", "S"][t - 1] for t in types], positions=positions, cell=[edge] * 3, pbc=True)


def naive(model, atoms):
    """Energy, forces and virial W by the naive loops of `uf3_reference`."""
    return reference.evaluate(model, atoms.positions, atoms.get_chemical_symbols(), atoms.cell.array)
