"""Displacement of the charge of all ions together: Haven ratio and conductivity."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ufpnmr import _core, statistics
from ufpnmr.dynamics.diffusion import FEWEST_BLOCKS, FIT_LAGS, choose_window, slopes
from ufpnmr.dynamics.displacements import block_sums
from ufpnmr.dynamics.rates import finite
from ufpnmr.dynamics.series import Paths, check_paths, ion_series
from ufpnmr.errors import InputError
from ufpnmr.results import Record
from ufpnmr.units import ANGSTROM2_PER_PS_IN_CM2_PER_S, BOLTZMANN_EV, ELEMENTARY_CHARGE

__all__ = ["ChargeTransport", "charge_transport", "conductivity"]

FloatArray = npt.NDArray[np.float64]

RUN_OVER_LAST_LAG = 50
"""There is one collective walker: only short lags have enough independent origins."""
LARGEST_RELATIVE_ERROR = 0.5
STILL = 1e-6


@dataclasses.dataclass(frozen=True)
class ChargeTransport:
    """What the collective motion says.

    Attributes
    ----------
    records : dict of Record
        haven_ratio; charge_diffusion and tracer_diffusion in the same window, cm²/s; with a temperature conductivity
        and conductivity_nernst_einstein, mS/cm.
    lag, msd, std_error : ndarray (K,)
        Lag, ps; mean-square displacement of the charge over the sum of squared charges and its standard error over
        blocks of origins, Å².
    parameters : dict
        Charges, window, volume.
    """

    records: dict[str, Record]
    lag: FloatArray
    msd: FloatArray
    std_error: FloatArray
    parameters: dict[str, Any]


def charge_transport(
    paths: Paths,
    charges: npt.ArrayLike = 1.0,
    temperature: float | None = None,
    *,
    first: int = 1,
    last: int | None = None,
    threads: int = 0,
) -> ChargeTransport:
    """Return the Haven ratio and, at a temperature, the conductivity.

    D_charge = <|sum of q_i Δr_i|²>/(6 t sum of q_i²), from slopes over the same lags, origins and blocks as D of the
    ions; H_R = D/D_charge; σ = sum of (q_i e)² D_charge/(V k_B T). Independent ions have H_R = 1, groups of g that move
    together 1/g.

    Parameters
    ----------
    paths : IonPaths
        Unwrapped paths relative to the framework.
    charges : float or array_like (N,)
        Charge of each ion, e (formal: +1 for an alkali ion).
    temperature : float, optional
        K.
    first, last : int
        Window in frames; by default to T/50.
    threads : int
        Threads; 0 for all.

    Raises
    ------
    InputError
        Charges that are zero or too many, a temperature without a cell, no framework to conduct through.
    """
    interval = check_paths(paths)
    n_frames, n_ions = paths.positions.shape[:2]
    q = _charges(charges, n_ions)
    last = n_frames // RUN_OVER_LAST_LAG if last is None else last
    if last < FEWEST_BLOCKS:
        raise InputError(
            f"expected at least {RUN_OVER_LAST_LAG * FEWEST_BLOCKS} frames for a Haven ratio, found {n_frames}"
        )
    window = choose_window(n_frames, max(1, min(first, last // 4)), last)
    edges = np.tile(window.edges, (len(window.lags), 1))
    origins = np.diff(window.edges)
    dipole = np.zeros((1, 3, n_frames))
    for ions, series in ion_series(paths.positions):
        dipole[0] += np.tensordot(q[ions], series, axes=1)
    together = _core.displacement_sums(dipole, window.lags, edges, threads)[0, ..., :3].sum(axis=2) / origins
    alone = block_sums(paths, window.lags, edges, threads)[..., :3].sum(axis=(0, 3)) / (n_ions * origins)
    together /= float(q @ q)
    to_cm2 = ANGSTROM2_PER_PS_IN_CM2_PER_S / (6 * interval)
    d_charge, d_ion = slopes(window.lags, together) * to_cm2, slopes(window.lags, alone) * to_cm2
    if not paths.drift_mode == "framework" and together.mean() < STILL * alone.mean():
        raise InputError(
            "the charge of all ions does not move relative to the centre of mass that was subtracted: a Haven ratio "
            "needs framework atoms, or drift none"
        )
    records = _records(d_charge, d_ion)
    volume = float(np.abs(np.linalg.det(paths.cell)).mean())
    if temperature is not None:
        records |= _conductivities(records, float(q @ q), volume, temperature)
    return ChargeTransport(
        records=records,
        lag=np.asarray(window.lags * interval, dtype=np.float64),
        msd=together.mean(axis=1),
        std_error=together.std(axis=1, ddof=1) / math.sqrt(together.shape[1]),
        parameters={
            "charges_e": sorted({float(charge) for charge in q}),
            "window_ps": [float(window.lags[0] * interval), float(window.lags[-1] * interval)],
            "block_charge_diffusion": d_charge.tolist(),
            "block_tracer_diffusion": d_ion.tolist(),
            "volume_A3": volume,
            "temperature_K": temperature,
        },
    )


def conductivity(diffusion: float, squared_charge: float, volume: float, temperature: float) -> float:
    """Return σ = sum of (q e)² D/(V k_B T), mS/cm.

    Parameters
    ----------
    diffusion : float
        cm²/s.
    squared_charge : float
        Sum of squared charges in the cell, e².
    volume : float
        Å³.
    temperature : float
        K.
    """
    siemens_per_cm = squared_charge * ELEMENTARY_CHARGE * diffusion / (volume * 1e-24 * BOLTZMANN_EV * temperature)
    return 1e3 * siemens_per_cm


def _charges(charges: npt.ArrayLike, n_ions: int) -> FloatArray:
    given = np.asarray(charges, dtype=np.float64)
    if given.shape not in ((), (n_ions,)):
        raise InputError(f"expected one charge or one per ion ({n_ions}), found shape {given.shape}")
    q = np.broadcast_to(given, (n_ions,))
    if not np.isfinite(q).all() or not q.any():
        raise InputError(f"expected finite charges that are not all zero, found {sorted(set(q.tolist()))[:5]}")
    return q


def _records(d_charge: FloatArray, d_ion: FloatArray) -> dict[str, Record]:
    blocks = f"log-t over {len(d_charge)} blocks of origins"
    found = {}
    for name, values in (("charge_diffusion", d_charge), ("tracer_diffusion", d_ion)):
        value, low, high, error = statistics.block_interval(values)
        method = f"slope of {FIT_LAGS} log-spaced lags up to T/{RUN_OVER_LAST_LAG} over 6; 95 %: {blocks}"
        found[name] = _claimed(Record(value, "cm2/s", method, low, finite(high), error, n_eff=len(values)))
    method = f"D/D_charge in one window; 95 %: log-t, jackknife over {len(d_charge)} blocks of origins"
    if (d_charge.sum() - d_charge <= 0).any() or d_ion.mean() <= 0:
        ratio = Record(None, "1", method, status="window_too_short")
    else:
        value, low, high, error = statistics.ratio_interval(d_ion, d_charge)
        ratio = _claimed(Record(value, "1", method, low, finite(high), error, n_eff=len(d_ion)))
    return {"haven_ratio": ratio, **found}


def _claimed(record: Record) -> Record:
    """Return the record, without its value if that is not positive or its error exceeds half of it."""
    value, error = record.value, record.std_error
    if value is not None and error is not None and value > 0 and error <= LARGEST_RELATIVE_ERROR * value:
        return record
    return dataclasses.replace(record, value=None, std_error=None, status="window_too_short")


def _conductivities(
    records: dict[str, Record], squared_charge: float, volume: float, temperature: float
) -> dict[str, Record]:
    if not temperature > 0:
        raise InputError(f"expected a temperature above 0 K, found {temperature}")
    if not volume > 0:
        raise InputError("expected a periodic cell with a volume for a conductivity; the trajectory holds no box")
    factor = conductivity(1.0, squared_charge, volume, temperature)

    def scaled(record: Record, what: str) -> Record:
        numbers: dict[str, Any] = {
            name: None if getattr(record, name) is None else getattr(record, name) * factor
            for name in ("value", "ci_low", "ci_high", "std_error")
        }
        method = f"sum of squared charges over V k_B T times {what}; {record.method}"
        return dataclasses.replace(record, unit="mS/cm", method=method, **numbers)

    return {
        "conductivity": scaled(records["charge_diffusion"], "D_charge"),
        "conductivity_nernst_einstein": scaled(records["tracer_diffusion"], "D of the ions, as if independent"),
    }
