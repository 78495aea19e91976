"""The tutorial's own files and commands, smaller and with a stand-in for the DFT program."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SMALLER = {
    'name = "cp2k"\nnice = 19': 'name = "standin:calculator"',
    "temperatures_K = [300, 600]": "temperatures_K = [300]",
    "steps = 5000": "steps = 100",
    "frame_every = 50": "frame_every = 25",
    "look_every = 20": "look_every = 2",
    "structures = 6": "structures = 2",
    "maximum_cycles = 5": "maximum_cycles = 1",
    "-var steps 2000 -var dump 200": "-var steps 20 -var dump 10",
    "-var steps 1000": "-var steps 20",
}
STANDIN = """
from ufpnmr import Potential


def calculator():
    return Potential.read("ten.uf3").calculator()
"""
PART = re.compile(r"<!-- (file|run)(?:: (.*?))? -->\n```\w+\n(.*?)```", re.S)


def parts(page):
    """(kind, argument, text) of every marked block, made smaller; every replacement must be used."""
    used = set()
    for kind, argument, text in PART.findall(page):
        for old, new in SMALLER.items():
            if old in text:
                used.add(old)
                text = text.replace(old, new)
        yield kind, argument, text
    assert used == set(SMALLER)


@pytest.fixture(scope="module")
def folder(repository, tmp_path_factory):
    here = tmp_path_factory.mktemp("tutorial")
    inputs = repository / "inputs" / "lps"
    for name in ("in.md", "data.beta-384"):
        shutil.copy(inputs / name, here)
    for name in ("labels", "structures"):
        shutil.copytree(inputs / name, here / name)
    (here / "standin.py").write_text(STANDIN)
    return here


def test_every_step_of_the_tutorial(repository, folder):
    page = (repository / "docs" / "tutorial.md").read_text(encoding="utf-8")
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    outputs = []
    for kind, argument, text in parts(page):
        if kind == "file":
            (folder / argument).write_text(text, encoding="utf-8")
            continue
        expected = int(argument.removeprefix("exit ")) if argument else 0
        for line in text.splitlines():
            assert line.startswith("$ ")
            done = subprocess.run(
                ["bash", "-c", line.removeprefix("$ ")],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"
            outputs.append(done.stdout)
    joined = "\n".join(outputs)
    # the figures that the page quotes of the fit are those of these very commands
    for quoted in ("rmse 3.39 meV/atom, 142 meV/Å, 0.19 GPa", "rmse 10 meV/atom, 245 meV/Å, 0.382 GPa"):
        assert quoted in page
        assert quoted in joined
    assert (folder / "learned" / "potential.uf3").is_file()
    assert (folder / "learning.png").stat().st_size > 10_000
    assert "all                           6" in joined  # the eval of the last potential
