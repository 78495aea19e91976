"""The reference of the fit file names every key there is."""

import types
import typing

from pydantic import BaseModel

from ufpnmr.potential.fit_config import FitConfig


def keys(model):
    for name, field in model.model_fields.items():
        yield name
        options = [field.annotation, *typing.get_args(field.annotation)]
        if isinstance(field.annotation, types.UnionType):
            options += [o for a in typing.get_args(field.annotation) for o in typing.get_args(a)]
        for option in options:
            if isinstance(option, type) and issubclass(option, BaseModel):
                yield from keys(option)


def test_every_key_is_in_the_reference(repository):
    text = (repository / "docs" / "fit.md").read_text(encoding="utf-8")
    named = set(keys(FitConfig))
    assert len(named) > 40
    missing = [
        name for name in sorted(named) if not any(f"{a}{name}{b}" in text for a, b in ("``", "[]", ".]", "[.", ".."))
    ]
    assert not missing


def test_the_example_is_a_fit_file(repository, tmp_path):
    from ufpnmr.potential.fit_config import basis_of, read_config

    text = (repository / "docs" / "fit.md").read_text(encoding="utf-8")
    example = text.split("```toml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "pbe.extxyz.xz").touch()
    (tmp_path / "train.toml").write_text(example)
    config = read_config(tmp_path / "train.toml")
    basis = basis_of(config.splines, ("Li", "P", "S"))
    assert basis.block("P-S-S").cutoffs == (4.0, 4.0, 8.0)
    assert basis.block("S-P-S").cutoffs == (4.5, 4.5, 9.0)
