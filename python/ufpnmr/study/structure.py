"""Structure, vibrations and van Hove functions of a study: what [rdf], [vdos], [angles] and [vanhove] switch on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ufpnmr.errors import InputError
from ufpnmr.study.figures import FigurePlan
from ufpnmr.study.ledger import Stage
from ufpnmr.study.work import Workshop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ufpnmr.trajectory.frames import Frames

__all__ = ["check_sampling", "structure_figures", "structure_results", "structure_stages"]

_HEADING = "Structure and vibrations"
_FRAMES_AROUND = 2000
"""At most so many frames of the density around polyanions, as in `ufp angles --ion`."""


class _Analysis(NamedTuple):
    """A stage, the settings that decide its output, the work; `of_ions`: on paths.h5 instead of the trajectory."""

    stage: str
    settings: dict[str, Any]
    work: Callable[[Workshop], Any]
    of_ions: bool = False


def structure_stages(shop: Workshop, frames: Mapping[str, Any], source: Mapping[str, Any]) -> list[Stage]:
    """Return the stages that the study file switches on.

    Parameters
    ----------
    shop : Workshop
    frames : mapping
        Settings that decide how the trajectory is read.
    source : mapping
        `needs` or `files` of a stage that reads the trajectory.
    """
    stages = []
    for one in _analyses(shop):
        origin: Mapping[str, Any] = {"needs": ("trajectory",)} if one.of_ions else source
        stages.append(
            Stage(
                one.stage,
                shop.folder / _file(one.stage),
                lambda _, one=one: one.work(shop).write(shop.folder / _file(one.stage)),  # type: ignore[misc]
                settings=one.settings if one.of_ions else {**frames, **one.settings},
                code=("dynamics", "statistics", "trajectory"),
                **origin,
            )
        )
    return stages


def structure_results(shop: Workshop) -> dict[str, Any]:
    """Read what these stages found, by stage."""
    return {one.stage: _read(shop, one.stage) for one in _analyses(shop)}


def structure_figures(shop: Workshop) -> list[FigurePlan]:
    """Return the figures of these stages in the order of the report."""
    config, plans = shop.config, []

    def add(stage: str, name: str, kind: str, caption: str) -> None:
        plans.append(FigurePlan(name, _HEADING, caption, (stage,), lambda: _draw(shop, stage, kind)))

    if config.rdf is not None:
        add("rdf", "rdf", "g", "Pair correlation functions with their 95 % band.")
        add("rdf", "rdf-neighbours", "n", "Number of neighbours within r.")
    if config.vdos is not None:
        add("vdos", "vdos", "g", "Vibrational densities of states: thin as they are, thick smoothed for display.")
    if config.angles is not None:
        add("angles", "tetrahedra-theta", "rho_theta", "Distribution of the angles of the tetrahedra.")
        if not _too_slow_for_velocities(shop):
            add("angles", "tetrahedra-omega", "rho_omega", "Distribution of the angular velocities.")
        add("angles", "tetrahedra-traces", "traces", "Four angles: thin as they are, thick without their vibrations.")
    if config.angles is not None and config.angles.ion is not None:
        centre, ligand, ion = config.angles.centre, config.angles.ligand, config.angles.ion
        where = f"at the distance r from a {ligand} bonded to {centre}, φ the angle {centre}–{ligand}–{ion}"
        add("angles ion", "around-density", "density", f"Density of {ion} {where}.")
        add("angles ion", "around-reduced", "reduced", f"The same over r² sin φ, 1 for an ideal gas: {ion} {where}.")
    if config.vanhove is not None:
        add("vanhove", "vanhove-radial", "radial", "Self part, 4πr²G_s: a second ridge lies at the distance of a hop.")
        add("vanhove", "vanhove-gd", "gd", "Distinct part G_d: what grows near r = 0 are ions that follow another.")
        add("vanhove", "vanhove-concerted", "concerted", "G_d within 1 Å over the density; above 1 ions follow others.")
        add("vanhove", "vanhove-alpha2", "alpha2", "Non-Gaussian parameter, 0 for a Gaussian distribution.")
    return plans


def check_sampling(shop: Workshop) -> None:
    """Refuse analyses that the frames of the trajectory do not allow, before anything runs.

    Raises
    ------
    InputError
        Frames too far apart for [vdos], a run too short for three of its segments, for the filter of [angles] or for
        the longest lag of [vanhove].
    """
    import numpy as np

    from ufpnmr.dynamics.angles import low_pass
    from ufpnmr.dynamics.vdos import LONGEST_INTERVAL, smooth
    from ufpnmr.units import THZ_IN_PER_CM

    vdos, angles, hove = shop.config.vdos, shop.config.angles, shop.config.vanhove
    if vdos is None and angles is None and hove is None:
        return
    n_frames, interval = shop.sampling()
    length = n_frames * interval
    section = "vdos"
    try:
        if vdos is not None:
            if interval > LONGEST_INTERVAL * (1 + 1e-6):
                raise InputError(
                    f"a spectrum needs frames at most {1e3 * LONGEST_INTERVAL:g} fs apart, these are "
                    f"{1e3 * interval:g} fs apart; write them oftener or leave the section out"
                )
            if length < 2 * vdos.segment_ps + 2 * interval:
                raise InputError(
                    f"segment_ps = {vdos.segment_ps:g} is longer than half the run of {length:g} ps; the interval "
                    "of a band centre needs three segments, which overlap by half"
                )
            bins = np.fft.rfftfreq(round(vdos.segment_ps / interval), interval)
            nu = np.asarray(bins * THZ_IN_PER_CM, dtype=np.float64)
            smooth(nu, nu, vdos.smoothing_cm, vdos.order)
        section = "angles"
        if angles is not None and angles.filtered:
            low_pass(np.zeros((n_frames, 1)), interval, angles.cutoff_cm)
        section = "vanhove"
        if hove is not None and hove.max_lag_ps is not None and hove.max_lag_ps >= length:
            raise InputError(f"max_lag_ps = {hove.max_lag_ps:g} is longer than the run of {length:g} ps")
    except InputError as error:
        raise InputError(f"[{section}]: {error}") from None


def _file(stage: str) -> str:
    return f"{stage.replace(' ', '-')}.h5"


def _analyses(shop: Workshop) -> list[_Analysis]:
    config, found = shop.config, []
    if config.rdf is not None:
        found.append(_Analysis("rdf", config.rdf.model_dump(), _rdf))
    if config.vdos is not None:
        # without velocities the norm needs a temperature
        settings = {**config.vdos.model_dump(), "temperature_K": config.system.temperature_K}
        found.append(_Analysis("vdos", settings, _vdos))
    if config.angles is not None:
        around = {"centre", "ligand", "bond_cutoff_A", "ion"}
        found.append(_Analysis("angles", config.angles.model_dump(exclude={"ion"}), _angles))
        if config.angles.ion is not None:
            found.append(_Analysis("angles ion", config.angles.model_dump(include=around), _around))
    if config.vanhove is not None:
        found.append(_Analysis("vanhove", config.vanhove.model_dump(), _van_hove, of_ions=True))
    return found


def _read(shop: Workshop, stage: str) -> Any:
    from ufpnmr.results.angles import AngleResult, IonDensity
    from ufpnmr.results.rdf import RDFResult
    from ufpnmr.results.van_hove import VanHoveResult
    from ufpnmr.results.vdos import VDOSResult

    kinds = {"rdf": RDFResult, "vdos": VDOSResult, "angles": AngleResult, "angles ion": IonDensity}
    kind: Any = kinds.get(stage, VanHoveResult)
    return kind.read(shop.folder / _file(stage))


def _frames(shop: Workshop, **options: Any) -> Frames:
    from ufpnmr.trajectory.frames import read_frames

    return read_frames(shop.universe(), **options)


def _rdf(shop: Workshop) -> Any:
    from ufpnmr.dynamics.rdf import pair_correlation

    section = shop.config.rdf
    assert section is not None
    return pair_correlation(
        _frames(shop, most=section.frames, timed=False),
        pairs=section.pairs,
        r_max=section.r_max_A,
        dr=section.dr_A,
        norm=section.norm,
        threads=shop.threads,
    )


def _vdos(shop: Workshop) -> Any:
    from ufpnmr.dynamics.vdos import vibrational_density_of_states

    section = shop.config.vdos
    assert section is not None
    frames = _frames(shop, velocities=True)
    return vibrational_density_of_states(
        frames,
        elements=section.elements,
        norm=section.norm,
        temperature=shop.config.system.temperature_K if frames.velocities is None else None,
        segment=section.segment_ps,
        limits=section.limits_cm,
        smoothing=section.smoothing_cm,
        order=section.order,
        threads=shop.threads,
    )


def _angles(shop: Workshop) -> Any:
    from ufpnmr.dynamics.angles import angle_distributions
    from ufpnmr.dynamics.tetrahedra import bonded_tetrahedra, lattice_tetrahedra

    section = shop.config.angles
    assert section is not None
    if section.centre is not None and section.ligand is not None:
        frames = _frames(shop, selection=f"element {section.centre} {section.ligand}")
        tetrahedra = bonded_tetrahedra(frames, section.centre, section.ligand, section.bond_cutoff_A)
    else:
        assert section.lattice is not None
        frames = _frames(shop, selection=f"element {section.lattice}")
        tetrahedra = lattice_tetrahedra(frames, section.lattice)
    return angle_distributions(
        frames,
        tetrahedra,
        kind=section.kind,
        reference=section.reference_deg,
        cutoff=section.cutoff_cm,
        filtered=section.filtered,
        threads=shop.threads,
    )


def _around(shop: Workshop) -> Any:
    from ufpnmr.dynamics.ion_density import ion_density

    section = shop.config.angles
    assert section is not None
    assert section.centre is not None
    assert section.ligand is not None
    assert section.ion is not None
    frames = _frames(shop, most=_FRAMES_AROUND, timed=False)
    return ion_density(
        frames, section.centre, section.ligand, section.ion, cutoff=section.bond_cutoff_A, threads=shop.threads
    )


def _van_hove(shop: Workshop) -> Any:
    from ufpnmr.dynamics.van_hove import van_hove

    section = shop.config.vanhove
    assert section is not None
    return van_hove(
        shop.paths(),
        r_max=section.r_max_A,
        dr=section.dr_A,
        max_lag=section.max_lag_ps,
        spacing=section.spacing,
        origins=section.origins,
        relative=section.relative,
        threads=shop.threads,
    )


def _too_slow_for_velocities(shop: Workshop) -> bool:
    from ufpnmr.dynamics.angles import LONGEST_INTERVAL

    return shop.sampling()[1] > LONGEST_INTERVAL * (1 + 1e-6)


def _draw(shop: Workshop, stage: str, kind: str) -> Axes:
    from ufpnmr.plots import angle_traces, curve

    result = _read(shop, stage)
    return angle_traces(result) if kind == "traces" else curve(result, kind)
