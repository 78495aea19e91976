"""Labelled structures: what a potential is fitted to and what a labeller writes."""

from ufpnmr.structures.checks import Problem, check, find_problems
from ufpnmr.structures.labelled import LabelledStructure, content_uid, unique_uids, write_structures
from ufpnmr.structures.matching import match
from ufpnmr.structures.reading import read_atoms, read_structures

__all__ = [
    "LabelledStructure",
    "Problem",
    "check",
    "content_uid",
    "find_problems",
    "match",
    "read_atoms",
    "read_structures",
    "unique_uids",
    "write_structures",
]
