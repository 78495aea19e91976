"""The whole chain from one TOML file: MD, trajectory, tensors, correlation functions, motion, figures, report."""

from ufpnmr.study.config import StudyConfig, read_config
from ufpnmr.study.estimate import StageCost, costs
from ufpnmr.study.runner import Interrupted, Study
from ufpnmr.study.scan import Scan
from ufpnmr.study.scan_config import ScanConfig, read_scan
from ufpnmr.study.summary import Results

__all__ = [
    "Interrupted",
    "Results",
    "Scan",
    "ScanConfig",
    "StageCost",
    "Study",
    "StudyConfig",
    "costs",
    "read_config",
    "read_scan",
]
