"""The field gradient models that come with the package, and for what they are meant."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from ufpnmr.errors import InputError

__all__ = ["SHIPPED", "ShippedModel", "shipped_model"]


class ShippedModel(NamedTuple):
    """A model file of the package.

    Attributes
    ----------
    name : str
        Of the file, in ``ufpnmr/data`` of an installed package.
    centre : str
        Element whose gradients it predicts.
    elements : frozenset of str
        What it was trained on, all of them: fewer or others are another material.
    """

    name: str
    centre: str
    elements: frozenset[str]

    def path(self) -> Path:
        """Return where it lies.

        Raises
        ------
        InputError
            This installation has no such file.
        """
        found = Path(str(files("ufpnmr") / "data" / self.name))
        if not found.is_file():
            raise InputError(f"{found}: the shipped model is missing from this installation; install ufpnmr again")
        return found

    def __str__(self) -> str:
        return f"{self.name}: {self.centre} in {'-'.join(sorted(self.elements))}"


SHIPPED = (ShippedModel("LPS.efg", "Li", frozenset({"Li", "P", "S"})),)


def shipped_model(elements: Iterable[str], centre: str) -> Path:
    """Return the shipped model for gradients at `centre` in a material of exactly these elements.

    Raises
    ------
    InputError
        None fits, or it is missing from this installation.
    """
    wanted = frozenset(elements)
    for model in SHIPPED:
        if model.centre == centre and model.elements == wanted:
            return model.path()
    raise InputError(
        f"no field gradient model is shipped for {centre} in {'-'.join(sorted(wanted))} (shipped: "
        f"{'; '.join(map(str, SHIPPED))}); name a trained model (NAME.efg) or point charges (NAME.toml)"
    )
