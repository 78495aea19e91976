"""The same labels, knots, weight and regularisation give the coefficients that the package UF3 0.4.0 fitted."""

import json
from pathlib import Path

import numpy as np

import naive_features
from ufpnmr.potential import columns, regularisation, solve
from ufpnmr.potential.columns import ColumnBlock
from ufpnmr.potential.regularisation import Regularisation

FIT = json.loads((Path(__file__).parents[1] / "data" / "uf3_040_fit.json").read_text())


def layout():
    blocks = [ColumnBlock.one_body(("Li", "S"))]
    for name, knots in FIT["knots"].items():
        elements = tuple(name.split("-"))
        if len(elements) == 2:
            blocks.append(ColumnBlock.pair(elements, np.array(knots)))
        else:
            blocks.append(ColumnBlock.triplet(elements, tuple(np.array(axis) for axis in knots)))
    return naive_features.Layout(columns.stack(blocks))


def test_coefficients_of_the_package():
    of, settings = layout(), Regularisation.from_dict(FIT["regularisation"])
    energy_rows, energies, force_rows, forces = [], [], [], []
    for structure in FIT["structures"]:
        count = len(structure["symbols"])
        rows = naive_features.features(of, structure["symbols"], structure["positions"], np.array(structure["cell"]))
        energy_rows.append(rows.energy / count)
        energies.append(structure["energy"] / count)
        force_rows.append(rows.forces.reshape(3 * count, -1))
        forces.append(np.ravel(structure["forces"]))
    x_e, y_e, x_f, y_f = np.array(energy_rows), np.array(energies), np.vstack(force_rows), np.concatenate(forces)
    sigma_e, sigma_f = regularisation.uf3_sigmas(y_e, y_f, FIT["weight"], settings.form)
    gram = x_e.T @ x_e / sigma_e**2 + x_f.T @ x_f / sigma_f**2
    rhs = x_e.T @ y_e / sigma_e**2 + x_f.T @ y_f / sigma_f**2
    out = solve.solve(gram, rhs, regularisation.penalty(of, settings), of)
    largest = max(np.abs(values).max() for values in FIT["coefficients"].values())
    for block in of.blocks:
        found = out.coefficients[block.columns]
        if block.order == 1:
            expected = [FIT["coefficients"][element] for element in block.elements]
        else:
            expected = FIT["coefficients"][block.name]
            found = block.expand(found)
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * largest, err_msg=block.name)
