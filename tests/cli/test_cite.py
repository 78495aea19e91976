"""``ufp cite``."""

import re

import pytest

from ufpnmr.citations import REFERENCES


def test_text_names_every_paper(ufp):
    done = ufp("cite")
    assert done.returncode == 0
    for reference in REFERENCES:
        assert reference.doi in done.stdout
    assert "Faraday Discuss. 255, 411-428 (2025)" in done.stdout


def test_bibtex_is_balanced_and_keyed(ufp):
    text = ufp("cite", "--format", "bibtex").stdout
    keys = re.findall(r"@article\{(\w+),", text)
    assert keys == [reference.key for reference in REFERENCES]
    assert len(set(keys)) == len(keys)
    assert text.count("{") == text.count("}")
    assert "pages = {411--428}" in text


def test_unknown_form(ufp):
    assert ufp("cite", "--format", "ris").returncode == 2


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda r: r.key)
def test_doi_form(reference):
    assert re.fullmatch(r"10\.\d{4,9}/\S+", reference.doi)
