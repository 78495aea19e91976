"""Universal potentials as labellers: for exploring, not for the labels of a potential that is to be trusted.

Against PBE on Li3PS4 their forces are too small: CHGNet 0.3.0 0.61 of the true ones, SevenNet-0 0.80 to 0.91.
"""

from __future__ import annotations

import importlib
from typing import Any

from ufpnmr.active.labelling.labeller import CalculatorLabeller
from ufpnmr.errors import InputError
from ufpnmr.provenance import package_version

__all__ = ["chgnet", "sevennet"]


def chgnet(model: str = "0.3.0", device: str = "cpu") -> CalculatorLabeller:
    """Label with CHGNet.

    Parameters
    ----------
    model : str
        Version of the weights in its package, e.g. "0.3.0" (PBE/PBE+U) or "r2scan".
    device : str
        Of PyTorch.
    """
    weights = _load("chgnet", "chgnet.model.model", "CHGNet").load(model_name=model, use_device=device, verbose=False)
    calculator = _load("chgnet", "chgnet.model.dynamics", "CHGNetCalculator")(weights, use_device=device)
    return CalculatorLabeller(calculator, f"CHGNet {package_version('chgnet')}, weights {model}")


def sevennet(model: str = "7net-0", device: str = "cpu", modal: str | None = None) -> CalculatorLabeller:
    """Label with SevenNet.

    Parameters
    ----------
    model : str
        A checkpoint in its package ("7net-0", "7net-l3i5") or a file.
    device : str
        Of PyTorch.
    modal : str, optional
        Kind of data, for the models that know several.
    """
    options: dict[str, Any] = {} if modal is None else {"modal": modal}
    factory = _load("sevenn", "sevenn.calculator", "SevenNetCalculator")
    return CalculatorLabeller(
        factory(model, device=device, **options), f"SevenNet {package_version('sevenn')}, {model}"
    )


def _load(package: str, module: str, name: str) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise InputError(
            f"{package} cannot be imported ({error}); install it: pip install {package} (a CPU build of PyTorch first)"
        ) from error
