"""Trajectories as MDAnalysis universes: every position unwrapped, every time and element known or refused."""

from ufpnmr.trajectory.ase_frames import AseReader
from ufpnmr.trajectory.dcd import LammpsDCDReader
from ufpnmr.trajectory.dump import DumpReader
from ufpnmr.trajectory.frames import Frames, read_frames
from ufpnmr.trajectory.opening import open
from ufpnmr.trajectory.paths import IonPaths, ion_paths
from ufpnmr.trajectory.time_axis import LogTiming, read_log, time_axis
from ufpnmr.trajectory.xtc import XtcReader

__all__ = [
    "AseReader",
    "DumpReader",
    "Frames",
    "IonPaths",
    "LammpsDCDReader",
    "LogTiming",
    "XtcReader",
    "ion_paths",
    "open",
    "read_frames",
    "read_log",
    "time_axis",
]
