"""``ufp efg``: electric field gradients of the ions."""

from __future__ import annotations

import click

from ufpnmr.cli.efg_fit import evaluate, fit
from ufpnmr.cli.efg_import import import_tensors
from ufpnmr.cli.efg_predict import predict


@click.group()
def command() -> None:
    """Electric field gradients: train a model, judge it, predict along a trajectory, take in tensors made elsewhere."""


for verb in (fit, evaluate, predict, import_tensors):
    command.add_command(verb)
