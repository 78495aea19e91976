"""The isotopes that compute efg/atom knows are those of the Python package."""

import pytest

from ufpnmr import _core
from ufpnmr.isotopes import ISOTOPES


def test_same_table():
    table = _core.quadrupolar_isotopes()
    assert list(table) == list(ISOTOPES)
    for name, (spin, moment, coupling) in table.items():
        assert (spin, moment) == (ISOTOPES[name].spin, ISOTOPES[name].quadrupole_moment_mb), name
        assert coupling == pytest.approx(ISOTOPES[name].coupling_khz, rel=1e-14), name
