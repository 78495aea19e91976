"""The stages of a study in the order in which they can run."""

from __future__ import annotations

from typing import Any

from ufpnmr.study.figures import figure_plans, observables
from ufpnmr.study.ledger import Stage
from ufpnmr.study.report import write_report
from ufpnmr.study.structure import structure_figures, structure_stages
from ufpnmr.study.summary import write_results
from ufpnmr.study.work import Workshop

__all__ = ["stages_of"]

_DYNAMICS = ("dynamics", "statistics")
_NMR = ("nmr", "isotopes", "statistics")


def stages_of(shop: Workshop) -> list[Stage]:
    """Return the stages.

    Parameters
    ----------
    shop : Workshop
    """
    config, folder = shop.config, shop.folder
    frames: dict[str, Any] = {
        "timestep_ps": config.trajectory.timestep_ps,
        "selection": config.trajectory.selection,
        "elements": config.trajectory.elements,
    }
    stages: list[Stage] = []
    source: dict[str, Any] = {"needs": ("md",)}
    if config.md is not None:
        stages.append(_md(shop))
    else:
        assert config.trajectory.path is not None
        source = {"files": tuple(filter(None, (config.trajectory.path, config.trajectory.topology)))}
    stages += [
        Stage(
            "trajectory",
            folder / "paths.h5",
            shop.read_paths,
            settings={**frames, "drift": config.trajectory.drift},
            code=("trajectory",),
            **source,
        ),
        Stage(
            "efg",
            folder / "tensors.h5",
            shop.efg,
            needs=source.get("needs", ()),
            settings={**frames, "axes": config.system.axes},
            files=(
                *source.get("files", ()),
                config.efg_model,
                *filter(None, (config.efg.continue_series,)),
            ),
            code=("efg", "trajectory"),
        ),
    ]
    labelled: tuple[str, ...] = ()
    if config.sites is not None:
        labelled = ("sites",)
        residence = {"minimum_residence_ps": config.hops.minimum_residence_ps}
        stages.append(
            Stage(
                "sites",
                folder / "sites.h5",
                shop.label_sites,
                settings={**frames, **config.sites.model_dump(), **residence},
                code=(*_DYNAMICS, "trajectory"),
                **source,
            )
        )
        directions = folder / "directions.json"
        stages.append(
            Stage(
                "directions",
                directions,
                lambda _: shop.directions(directions),
                needs=("efg", "sites"),
                settings=config.nmr.model_dump(include={"isotope", "fields"}),
                code=_NMR,
            )
        )
    decays = []
    for observable, field in observables(shop):
        stage = " ".join(filter(None, (observable, field)))
        slug = stage.replace(" ", "-")
        correlation, fit = folder / f"acf-{slug}.h5", folder / f"decay-{slug}.json"
        settings = config.nmr.model_dump(include={"isotope", "convention", "average_ps", "blocks"})
        direction = config.nmr.fields[field] if field else None
        stages += [
            Stage(
                f"acf {stage}",
                correlation,
                lambda _, args=(observable, field, correlation): shop.acf(*args),  # type: ignore[misc]
                needs=("efg",),
                settings={**settings, "field": direction},
                code=_NMR,
            ),
            Stage(
                f"decay {stage}",
                fit,
                lambda _, args=(correlation, fit): shop.decay(*args),  # type: ignore[misc]
                needs=(f"acf {stage}",),
                settings=config.decay.model_dump(),
                code=_NMR,
            ),
        ]
        decays.append(f"decay {stage}")
    stages.append(Stage("msd", folder / "msd.h5", shop.msd, needs=("trajectory",), code=_DYNAMICS))
    stages.append(
        Stage(
            "hops",
            folder / "hops.h5",
            shop.hops,
            needs=("trajectory", *labelled),
            settings=config.hops.model_dump(),
            code=_DYNAMICS,
        )
    )
    structure = structure_stages(shop, frames, source)
    stages += structure
    plans = [*figure_plans(shop), *structure_figures(shop)]
    nmr = config.nmr.model_dump(include={"isotope", "convention", "ordering", "fields"})
    for plan in plans:
        output = folder / "figures" / f"{plan.name}.svg"
        stages.append(
            Stage(
                f"figure {plan.name}",
                output,
                lambda _, args=(plan.draw, output): shop.figure(*args),  # type: ignore[misc]
                needs=plan.needs,
                settings=nmr if "efg" in plan.needs else {},
                code=("plots", *_NMR) if "efg" in plan.needs else ("plots",),
            )
        )
    seen = ("directions",) if labelled else ()
    found = tuple(stage.name for stage in structure)
    summary = ("trajectory", "efg", *seen, *decays, "msd", *labelled, "hops", *found)
    stages += [
        Stage(
            "results",
            folder / "results.json",
            lambda _: write_results(shop),
            needs=summary,
            settings={**config.system.model_dump(exclude={"expected_status"}), **nmr},
            code=("study", "nmr"),
        ),
        Stage(
            "report",
            folder / "report.html",
            lambda _: write_report(shop, plans),
            needs=("results", *(f"figure {plan.name}" for plan in plans)),
            settings=config.system.model_dump(exclude={"expected_status"}),
            code=("study",),
        ),
    ]
    return stages


def _md(shop: Workshop) -> Stage:
    md = shop.config.md
    assert md is not None
    return Stage(
        "md",
        shop.trajectory,
        shop.md,
        settings={
            "temperature_K": shop.config.system.temperature_K,
            "timestep_ps": shop.config.trajectory.timestep_ps,
            "dump_every": md.dump_every,
            "variables": md.variables,
        },
        extends={"steps": md.steps},
        files=(md.input, md.data, md.potential, *filter(None, (md.continue_from,))),
    )
