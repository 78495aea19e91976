"""Every figure of Harper et al. 2025 beside what the studies of reproduction.py gave; rows of text."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["rows", "short"]

Phases = dict[str, dict[str, Any]]
Row = dict[str, str]

ROOM = 300.0
FULL_NS = 1000.0
"""The paper's run."""
ENOUGH_EVENTS = 20
ENOUGH_TAU = 10
LEAST_TEMPERATURES = 3
UNITS = {"s^-1": "s⁻¹", "cm2/s": "cm²/s", "ns": "ns", "1": ""}


def short(phases: Phases) -> list[str]:
    """Return, in words, which runs are shorter than planned."""
    found = []
    for name, phase in phases.items():
        there = {f"{case['temperature_K']:g}": case["ps"] for case in phase["temperatures"]}
        found += [
            f"{name} {kelvin} K {there.get(kelvin, 0):g} of {planned:g} ps"
            for kelvin, planned in phase["planned_ps"].items()
            if there.get(kelvin, 0) < 0.99 * planned
        ]
    return found


def rows(phases: Phases) -> list[Row]:
    """Return the table: figure, quantity, paper, ours, interval, why they differ."""
    beta, glass = phases["beta"], phases["glass"]
    return [
        _hops(beta, "β", 2.57e5),
        _hops(glass, "glass", 7.0e7),
        *_diffusion(beta, glass),
        _tau(glass, "glass", "ω_Q", _glass_curve(glass), 46.0, "46 ns", "3"),
        *_against_hops(glass, "glass", _glass_curve(glass), "0.31 (2.17e7 / 7.0e7 s⁻¹)"),
        *_no_decay(beta),
        _tau(beta, "β", "C_Q, all ions", "cq", 1190.0, "no number; 1.19 µs for 13 ions that hopped", "5"),
        *_hopping_ions(beta),
        *_changed_site(beta),
        *_site_means(beta),
        *_angles(beta),
        *_cost(beta, glass),
    ]


def _row(figure: str, quantity: str, paper: str, ours: str, interval: str, why: str) -> Row:
    return {"figure": figure, "quantity": quantity, "paper": paper, "ours": ours, "interval": interval, "why": why}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _shown(record: dict[str, Any]) -> tuple[str, str]:
    """Value and interval of a record; without a value its status and its bounds."""
    unit = UNITS.get(record["unit"], record["unit"])
    low, high = _number(record["ci_low"]), _number(record["ci_high"])
    if record["value"] is not None:
        mark = "" if record["status"] == "ok" else f", `{record['status']}`"
        return f"{_number(record['value'])} {unit}{mark}", f"{low} to {high}"
    bounds = " and ".join(filter(None, (f"> {low} {unit}" if low else "", f"< {high} {unit}" if high else "")))
    return f"none, `{record['status']}`", bounds


def _hours(phase: dict[str, Any], ns: float) -> str:
    """What a length takes, at the mean cost of the runs."""
    cost = _mean(case["md_core_hours_per_ns"] for case in phase["temperatures"])
    return "" if cost is None else f"{_amount(ns)} ns take {_amount(cost * ns)} core-hours"


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}"


def _mean(values: Any) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _made_by(phase: dict[str, Any]) -> str:
    return f"`{phase['potential']}`, `{phase['model']}`"


def _case(case: dict[str, Any]) -> str:
    return f"{case['temperature_K']:g} K, {case['ps']:g} ps"


def _at_room(phase: dict[str, Any], name: str) -> tuple[str, str, str]:
    """Ours, interval and how: at 300 K, else extrapolated, else what the temperatures that ran say."""
    cold = [case for case in phase["temperatures"] if case["temperature_K"] == ROOM]
    for case in cold:
        if case["records"][name]["value"] is not None:
            return *_shown(case["records"][name]), _case(case)
    law = phase["laws"].get("predicted_300K", {}).get(name)
    if law is not None and law["value"] is not None and _is_a_law(phase, name):
        ran = ", ".join(f"{case['temperature_K']:g}" for case in phase["temperatures"])
        ours, interval = _shown(law)
        return ours, interval, f"extrapolated to 300 K from {ran} K"
    there = [*cold, *(case for case in phase["temperatures"] if case not in cold)]
    if not there:
        return "not run", "", ""
    values, intervals = [], []
    for case in there:
        value, interval = _shown(case["records"][name])
        values.append(f"{case['temperature_K']:g} K: {value}")
        intervals += [f"{case['temperature_K']:g} K: {interval}"] if interval else []
    return "; ".join(values), "; ".join(intervals), ", ".join(map(_case, there))


def _is_a_law(phase: dict[str, Any], name: str) -> bool:
    """Whether three temperatures claim the quantity and its activation energy is positive beyond its interval."""
    claimed = sum(case["records"][name]["value"] is not None for case in phase["temperatures"])
    energy = phase["laws"]["activation"][name]
    return claimed >= LEAST_TEMPERATURES and energy["ci_low"] is not None and energy["ci_low"] > 0


def _hops(phase: dict[str, Any], name: str, paper: float) -> Row:
    ours, interval, how = _at_room(phase, "hop_rate")
    ions = phase["temperatures"][0]["ions"] if phase["temperatures"] else 0
    needed = ENOUGH_EVENTS / (ions * paper) * 1e9 if ions else math.inf
    cost = _hours(phase, needed) if ions else ""
    why = f"{how}; {_made_by(phase)}; {ENOUGH_EVENTS} hops at the paper's rate: {cost}"
    return _row("2, text", f"hop rate, {name}, 300 K", f"{paper:.3g} s⁻¹", ours, interval, why)


def _diffusion(beta: dict[str, Any], glass: dict[str, Any]) -> list[Row]:
    """Ratio of D of the glass to that of β at every temperature that both have."""
    found = []
    for one in glass["temperatures"]:
        for other in beta["temperatures"]:
            if one["temperature_K"] != other["temperature_K"]:
                continue
            above, below = one["records"]["diffusion"], other["records"]["diffusion"]
            quantity = f"MSD of the glass over that of β, {one['temperature_K']:g} K (paper: 300 K)"
            if above["value"] is not None and below["value"] is not None:
                ratio = above["value"] / below["value"]
                relative = math.hypot(above["std_error"] / above["value"], below["std_error"] / below["value"])
                reach = math.exp(1.96 * relative)
                text, interval = f"{ratio:.3g}", f"{ratio / reach:.3g} to {ratio * reach:.3g}"
            else:
                values = [f"{name} {_shown(record)[0]}" for name, record in (("glass", above), ("β", below))]
                text, interval = "; ".join(values), ""
            found.append(_row("2", quantity, "about 100", text, interval, "ratio of D; " + _made_by(glass)))
    cold = _row("2", "MSD of the glass over that of β, 300 K", "about 100", "not reached", "", _hours(beta, FULL_NS))
    has_cold = any("MSD of the glass over that of β, 300 K" in row["quantity"] for row in found)
    return found if has_cold else [*found, cold]


def _glass_curve(phase: dict[str, Any]) -> str:
    names = [name for case in phase["temperatures"] for name in case["averaged_1ps"] if name.startswith("omega_q")]
    return names[0] if names else "omega_q z"


def _record_name(curve: str) -> str:
    return "tau_" + curve.replace(" ", "_")


def _tau(phase: dict[str, Any], name: str, what: str, curve: str, paper_ns: float, paper: str, figure: str) -> Row:
    """τ at 300 K of V averaged over 1 ps; with the paper's frames beside it."""
    if not phase["temperatures"]:
        return _row(figure, f"τ of {what}, {name}, 300 K", paper, "not run", "", _hours(phase, ENOUGH_TAU * paper_ns))
    ours, interval, how = _at_room(phase, _record_name(curve))
    sparse = "; ".join(f"{case['temperature_K']:g} K {_sparse(case, curve)}" for case in phase["temperatures"])
    cost = _hours(phase, ENOUGH_TAU * paper_ns)
    why = f"{how}; V averaged over 1 ps; with a frame every 100 ps: {sparse}; 10 τ: {cost}"
    return _row(figure, f"τ of {what}, {name}, 300 K", paper, ours, interval, why)


def _sparse(case: dict[str, Any], curve: str) -> str:
    found = case["every_100ps"].get(curve, {"none": "no such curve"})
    if "none" in found:
        return f"too short ({case['frames_every_100ps']} frames)"
    ours, interval = _shown(found["tau"])
    return f"{ours} ({interval})"


def _against_hops(phase: dict[str, Any], name: str, curve: str, paper: str) -> list[Row]:
    found = []
    for case in phase["temperatures"]:
        tau, hop = case["records"][_record_name(curve)], case["records"]["hop_rate"]
        quantity = f"1/τ over the hop rate, {name}, {case['temperature_K']:g} K (paper: 300 K)"
        if tau["value"] is None or hop["value"] is None:
            text, interval = f"τ {_shown(tau)[0]}; hop rate {_shown(hop)[0]}", ""
        else:
            ratio = 1e9 / tau["value"] / hop["value"]
            relative = math.hypot(tau["std_error"] / tau["value"], hop["std_error"] / hop["value"])
            reach = math.exp(1.96 * relative)
            text, interval = f"{ratio:.3g}", f"{ratio / reach:.3g} to {ratio * reach:.3g}"
        found.append(_row("3, text", quantity, paper, text, interval, f"{_case(case)}; {_made_by(phase)}"))
    return found


def _no_decay(phase: dict[str, Any]) -> list[Row]:
    """Whether ω_Q decays, for every direction of the field."""
    found = []
    for case in phase["temperatures"]:
        curves = {name: fit for name, fit in case["averaged_1ps"].items() if name.startswith("omega_q")}
        text = "; ".join(
            f"B0∥{name.split()[-1]} {'no decay' if fit.get('status') == 'no_decay' else 'decays'}"
            if "none" not in fit
            else f"B0∥{name.split()[-1]}: too short"
            for name, fit in curves.items()
        )
        taus = "; ".join(" ".join(filter(None, _shown(fit["tau"]))) for fit in curves.values() if "none" not in fit)
        quantity = f"decay of ω_Q, β, {case['temperature_K']:g} K (paper: 300 K)"
        why = f"the paper names no direction; {case['ps']:g} ps; {_hours(phase, FULL_NS)}"
        found.append(_row("3", quantity, "none", text, f"τ: {taus}", why))
    return found


def _hopping_ions(phase: dict[str, Any]) -> list[Row]:
    found = []
    for case in phase["temperatures"]:
        fit = case["averaged_1ps"].get("cq of ions that hopped")
        if fit is None or "none" in fit:
            continue
        ours, interval = _shown(fit["tau"])
        bias = next((line for line in fit["warnings"] if line.startswith("measured bias")), "bias not measured")
        quantity = f"τ of C_Q over ions that hopped, β, {case['temperature_K']:g} K (paper: 300 K)"
        text = f"{case['ions_that_hopped']} of {case['ions']} ions; {bias}"
        found.append(_row("5", quantity, "1.19 µs, 13 of 144 ions", ours, interval, text))
    return found


def _changed_site(phase: dict[str, Any]) -> list[Row]:
    paper = {300.0: "13 of 144 in 1 µs", 350.0: "102 of 144 in 1 µs"}
    return [
        _row(
            "5, S3",
            f"ions that changed their site, β, {case['temperature_K']:g} K",
            paper.get(case["temperature_K"], "13 (300 K) and 102 (350 K) of 144 in 1 µs"),
            f"{case['ions_that_changed_site']} of {case['ions']} in {case['ps'] / 1000:g} ns",
            "a count",
            f"{_made_by(phase)}; {_hours(phase, FULL_NS)}",
        )
        for case in phase["temperatures"]
    ]


def _site_means(phase: dict[str, Any]) -> list[Row]:
    found = []
    for case in phase["temperatures"]:
        for row in case["sites"]:
            if row["observable"] == "powder":
                continue
            paper = "C_Q 90.9 / 124.1" if row["observable"] == "cq" else "ω_Q 10.8 / 13.8, direction not named"
            means = " / ".join(f"{site} {value:.1f}" for site, value in row["means"].items())
            depth = f"a complete exchange decays by {row['depth']:.1%}"
            quantity = f"site means of {row['observable']}, β, {case['temperature_K']:g} K, kHz"
            found.append(_row("4", quantity, paper, means, "", f"mean tensors of a run, not DFT at rest; {depth}"))
    return found


def _angles(phase: dict[str, Any]) -> list[Row]:
    paper = "LiS4 (90°, 0°); LiS6 (90° ± 30°, ± 45°), frame not named"
    return [
        _row(
            "6",
            f"most frequent (θ, φ), β, {case['temperature_K']:g} K, B0∥{name}",
            paper,
            "; ".join(f"{site} ({top['theta']:g}°, {top['phi']:g}°)" for site, top in sites.items()),
            "bins of 10°, one octant",
            "share of the bin: " + ", ".join(f"{top['share']:.1%}" for top in sites.values()),
        )
        for case in phase["temperatures"]
        for name, sites in case["angles"].items()
    ]


def _cost(beta: dict[str, Any], glass: dict[str, Any]) -> list[Row]:
    found = []
    for name, phase in (("β, 384 atoms", beta), ("glass, 576 atoms", glass)):
        cost = _mean(case["md_core_hours_per_ns"] for case in phase["temperatures"])
        ours = "not run" if cost is None else f"{_amount(cost * FULL_NS)} core-hours ({cost:.2g} per ns)"
        why = "CPU time of one core, single process; the paper's potential, time step and processor are not ours"
        found.append(_row("text", f"1 µs of MD, {name}", "40,000 CPUh", ours, "", why))
    seconds = _mean(case["efg_seconds_per_frame"] for case in glass["temperatures"])
    ours = "not run" if seconds is None else f"{seconds * 1e4 / 3600:.2g} hours"
    why = f"10⁴ frames of 216 tensors, wall time of one thread; `{glass['model']}`"
    return [
        *found,
        _row("text", "tensors of 1 µs of the glass, every 100 ps", "500 CPUh (DFT: 22.5 million)", ours, "", why),
    ]
