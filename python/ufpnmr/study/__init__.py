"""The whole chain from one TOML file: MD, trajectory, tensors, correlation functions, motion, figures, report."""

from ufpnmr.study.config import StudyConfig, read_config
from ufpnmr.study.estimate import StageCost, costs
from ufpnmr.study.runner import Interrupted, Study
from ufpnmr.study.summary import Results

__all__ = ["Interrupted", "Results", "StageCost", "Study", "StudyConfig", "costs", "read_config"]
