"""The page on training names every key of the file, and its example is a fit."""

from pydantic import BaseModel

from ufpnmr.efg.fit_config import FitConfig, read_config


def keys(model):
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield f"[{name}]"
            yield from keys(field.annotation)
        elif name not in ("committee", "metadata"):
            yield name
    if model is FitConfig:
        yield from ("[committee]", "[metadata]", "members", "calibration_folds")


def test_every_key_is_in_the_reference(repository):
    text = (repository / "docs" / "efg_training.md").read_text(encoding="utf-8")
    named = set(keys(FitConfig))
    assert len(named) > 40
    assert not [name for name in sorted(named) if f"`{name}`" not in text]


def test_the_example_is_a_fit_file(repository, tmp_path):
    text = (repository / "docs" / "efg_training.md").read_text(encoding="utf-8")
    (tmp_path / "lps-pbe-efg.extxyz.xz").touch()
    (tmp_path / "efg.toml").write_text(text.split("```toml\n", 1)[1].split("```", 1)[0])
    config = read_config(tmp_path / "efg.toml")
    assert config.grid.cutoff == [5.0, 6.0]
    assert config.metadata["licence"] == "BSD-3-Clause"
