"""Draw the picture of README.md from the results of the quickstart.

ufp study inputs/lps/quickstart.toml && python docs/images/make_overview.py
"""

import json
from pathlib import Path

from matplotlib.figure import Figure

from ufpnmr import plots
from ufpnmr.results.correlation import CorrelationResult
from ufpnmr.results.decay import DecayFit
from ufpnmr.results.hops import HopResult
from ufpnmr.trajectory import IonPaths

HERE = Path(__file__).parent
STUDY = HERE.parent.parent / "inputs" / "lps" / "study-quickstart"

figure = Figure(figsize=(11, 3.8), layout="constrained")
left, right = figure.subplots(1, 2)
plots.displacement_traces(IonPaths.read(STUDY / "paths.h5"), HopResult.read(STUDY / "hops.h5"), ax=left)
kelvin = json.loads((STUDY / "results.json").read_text(encoding="utf-8"))["system"]["temperature_K"]
left.set_title(f"Li in β-Li3PS4 at {kelvin:g} K: paths and the hops found in them")
plots.correlation(CorrelationResult.read(STUDY / "acf-powder.h5"), DecayFit.read(STUDY / "decay-powder.json"), ax=right)
right.set_title("What the echo sees: correlation of ω_Q and its decay")
figure.savefig(HERE / "overview.png", dpi=130)
