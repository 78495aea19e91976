"""What to cite for a result made with this package."""

from __future__ import annotations

import dataclasses

__all__ = ["REFERENCES", "Reference"]


@dataclasses.dataclass(frozen=True)
class Reference:
    """One paper.

    Attributes
    ----------
    key : str
        BibTeX key.
    purpose : str
        What in this package rests on it.
    authors : tuple of str
        ``"Family, Given"``.
    title, journal, volume, pages : str
        As printed.
    year : int
        Year of the volume.
    doi : str
        Without the resolver.
    """

    key: str
    purpose: str
    authors: tuple[str, ...]
    title: str
    journal: str
    volume: str
    pages: str
    year: int
    doi: str

    def text(self) -> str:
        """Return one line: authors, title, journal, volume, pages, year, doi."""
        names = [" ".join(reversed(author.split(", "))) for author in self.authors]
        shown = ", ".join(names) if len(names) <= 4 else f"{names[0]} and others"
        return f"{shown}. {self.title}. {self.journal} {self.volume}, {self.pages} ({self.year}). doi:{self.doi}"

    def bibtex(self) -> str:
        """Return the BibTeX entry."""
        fields = {
            "author": " and ".join(self.authors),
            "title": f"{{{self.title}}}",
            "journal": self.journal,
            "volume": self.volume,
            "pages": self.pages.replace("-", "--"),
            "year": str(self.year),
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
        return "\n".join([f"@article{{{self.key},", *lines, "}"])


REFERENCES = (
    Reference(
        "Harper2025",
        "quadrupolar frequencies, correlation functions and decay times out of molecular dynamics",
        ("Harper, Angela F.", "Huss, Tabea", "Köcher, Simone S.", "Scheurer, Christoph"),
        "Tracking Li atoms in real-time with ultra-fast NMR simulations",
        "Faraday Discuss.",
        "255",
        "411-428",
        2025,
        "10.1039/d4fd00074a",
    ),
    Reference(
        "Xie2023",
        "the spline potentials (pair_style ufp)",
        ("Xie, Stephen R.", "Rupp, Matthias", "Hennig, Richard G."),
        "Ultra-fast interpretable machine-learning potentials",
        "npj Comput. Mater.",
        "9",
        "162",
        2023,
        "10.1038/s41524-023-01092-7",
    ),
    Reference(
        "Thompson2022",
        "molecular dynamics with LAMMPS",
        (
            "Thompson, Aidan P.",
            "Aktulga, H. Metin",
            "Berger, Richard",
            "Bolintineanu, Dan S.",
            "Brown, W. Michael",
            "Crozier, Paul S.",
            "in 't Veld, Pieter J.",
            "Kohlmeyer, Axel",
            "Moore, Stan G.",
            "Nguyen, Trung Dac",
            "Shan, Ray",
            "Stevens, Mark J.",
            "Tranchida, Julien",
            "Trott, Christian",
            "Plimpton, Steven J.",
        ),
        "LAMMPS - a flexible simulation tool for particle-based materials modeling at the atomic, meso, and continuum "
        "scales",
        "Comput. Phys. Commun.",
        "271",
        "108171",
        2022,
        "10.1016/j.cpc.2021.108171",
    ),
    Reference(
        "Larsen2017",
        "structures and calculators (ASE)",
        ("Larsen, Ask Hjorth", "Mortensen, Jens Jørgen", "Blomqvist, Jakob", "Castelli, Ivano E.", "others"),
        "The atomic simulation environment - a Python library for working with atoms",
        "J. Phys.: Condens. Matter",
        "29",
        "273002",
        2017,
        "10.1088/1361-648X/aa680e",
    ),
    Reference(
        "MichaudAgrawal2011",
        "trajectories (MDAnalysis)",
        ("Michaud-Agrawal, Naveen", "Denning, Elizabeth J.", "Woolf, Thomas B.", "Beckstein, Oliver"),
        "MDAnalysis: A toolkit for the analysis of molecular dynamics simulations",
        "J. Comput. Chem.",
        "32",
        "2319-2327",
        2011,
        "10.1002/jcc.21787",
    ),
    Reference(
        "Pyykko2018",
        "nuclear quadrupole moments",
        ("Pyykkö, Pekka",),
        "Year-2017 nuclear quadrupole moments",
        "Mol. Phys.",
        "116",
        "1328-1338",
        2018,
        "10.1080/00268976.2018.1426131",
    ),
)
"""In the order in which a study uses them."""
