"""Labels with VASP."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ufpnmr.active.labelling.labeller import LabelError, Labels
from ufpnmr.active.labelling.programs import FileLabeller, k_mesh, labels_of_file
from ufpnmr.errors import InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Vasp", "read_vasp"]


class Vasp(FileLabeller):
    """Energy (sigma to 0), forces and stress by projector-augmented waves.

    Parameters
    ----------
    potcars : path
        Folder with one folder per pseudopotential, ``potcars/Li_sv/POTCAR``.
    setups : mapping, optional
        Name of that folder by element where it is not the element's, e.g. ``{"Li": "Li_sv"}``.
    incar : mapping, optional
        Tags that replace or extend the defaults.
    kpoint_length, gamma_from : float
        Å, see `ufpnmr.active.labelling.programs.k_mesh`; Γ-centred mesh.
    kpoints : sequence of int, optional
        A mesh instead of the rule.
    command : str
    timeout : float
        s per structure.
    threads : int
        OMP_NUM_THREADS.
    """

    output_name = "vasp.out"
    install_hint = "install VASP"

    def __init__(
        self,
        potcars: str,
        setups: Mapping[str, str] | None = None,
        incar: Mapping[str, Any] | None = None,
        kpoint_length: float = 12.5,
        gamma_from: float = 10.5,
        kpoints: Sequence[int] | None = None,
        command: str = "vasp_std",
        timeout: float = 7200.0,
        threads: int = 1,
    ) -> None:
        super().__init__(command, timeout, threads)
        self.potcars, self.setups = Path(potcars).expanduser().resolve(), dict(setups or {})
        self.kpoint_length, self.gamma_from, self.kpoints = float(kpoint_length), float(gamma_from), kpoints
        self.incar: dict[str, Any] = {
            "GGA": "PE",
            "PREC": "Accurate",
            "ENCUT": 520,
            "EDIFF": 1e-6,
            "NELM": 100,
            "ISMEAR": 0,
            "SIGMA": 0.05,
            "LREAL": False,
            "LWAVE": False,
            "LCHARG": False,
            **{key.upper(): value for key, value in (incar or {}).items()},
            "IBRION": -1,
            "NSW": 0,
            "ISIF": 2,
        }

    def ready(self) -> None:
        """Refuse to start where VASP or its pseudopotentials are missing; see `Labeller`."""
        super().ready()
        if not self.potcars.is_dir():
            raise InputError(f"{self.potcars}: no such folder; potcars holds one folder per pseudopotential")

    def version(self) -> str:
        """Return the name of the program; the version stands in its output."""
        return "VASP"

    def write_input(self, atoms: Atoms, folder: Path) -> None:
        """Write ``INCAR``, ``KPOINTS``, ``POSCAR`` (sorted by element) and ``POTCAR``; see `FileLabeller`."""
        from ase.io.vasp import write_vasp

        if atoms.info.get("charge", 0) and "NELECT" not in self.incar:
            raise LabelError("vasp: a charged cell needs the number of electrons; give it as NELECT (option incar)")
        elements = sorted(set(atoms.get_chemical_symbols()))  # type: ignore[no-untyped-call]
        sources = {e: self.potcars / self.setups.get(e, e) / "POTCAR" for e in elements}
        for element, path in sources.items():
            if not path.is_file():
                raise LabelError(f"vasp: {path}: no such pseudopotential (of {element}; option setups)")
        bare = atoms.copy()  # type: ignore[no-untyped-call]
        bare.set_constraint()
        write_vasp(folder / "POSCAR", bare, sort=True, direct=False, vasp5=True)
        (folder / "POTCAR").write_bytes(b"".join(sources[e].read_bytes() for e in elements))
        mesh = self.kpoints or k_mesh(atoms, self.kpoint_length, self.gamma_from)
        (folder / "KPOINTS").write_text("mesh\n0\nGamma\n{} {} {}\n0 0 0\n".format(*mesh), encoding="utf-8")
        lines = "".join(f"{key} = {_tag(value)}\n" for key, value in self.incar.items())
        (folder / "INCAR").write_text(lines, encoding="utf-8")

    def read_output(self, atoms: Atoms, folder: Path) -> Labels:
        """Read ``vasprun.xml``, or ``OUTCAR`` where there is none; see `FileLabeller`."""
        return read_vasp(atoms, folder)


def read_vasp(atoms: Atoms, folder: Path) -> Labels:
    """Read the labels of `atoms` from ``vasprun.xml``, or ``OUTCAR`` where there is none; see `FileLabeller`."""
    path = next((folder / name for name in ("vasprun.xml", "OUTCAR") if (folder / name).is_file()), None)
    if path is None:
        raise LabelError(f"{folder}: neither vasprun.xml nor OUTCAR; run VASP there")
    if path.name == "OUTCAR":
        text = path.read_text(encoding="utf-8", errors="replace")
        if "aborting loop because EDIFF is reached" not in text:
            raise LabelError("vasp: SCF not converged; raise NELM (option incar)")
        labels = labels_of_file(path, atoms, "vasp-out")
        version = re.search(r"^\s*(vasp\.\S+)", text, re.MULTILINE)
        labels.notes.update({"program_version": version[1]} if version else {})
        return labels
    version_text = _check_convergence(path)
    labels = labels_of_file(path, atoms, "vasp-xml")
    labels.notes["program_version"] = version_text
    return labels


def _tag(value: Any) -> str:
    if isinstance(value, bool):
        return ".TRUE." if value else ".FALSE."
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _check_convergence(path: Path) -> str:
    """Return the version of VASP; refuse an unfinished file and one whose last step used all its iterations."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise LabelError(f"{path}: not complete ({error}); VASP did not end") from None
    steps = root.findall("calculation")
    limit = root.find(".//parameters//i[@name='NELM']")
    if not steps:
        raise LabelError(f"{path}: no calculation in it; VASP did not end")
    if limit is not None and limit.text is not None and len(steps[-1].findall("scstep")) >= int(limit.text):
        raise LabelError(f"vasp: SCF not converged in {limit.text.strip()} steps; raise NELM (option incar)")
    version = root.find("generator/i[@name='version']")
    return "VASP " + (version.text or "").strip() if version is not None else "VASP"
