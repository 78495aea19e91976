"""TOML files: what may stand in them is a pydantic model; what may not gets a one-line answer with its line."""

from __future__ import annotations

import re
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo

from ufpnmr.errors import InputError, nearest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["Count", "InputFile", "OutputPath", "Positive", "Section", "check_toml", "load_toml", "read_toml"]

Model = TypeVar("Model", bound=BaseModel)


def _beside_the_toml(path: Path, info: ValidationInfo) -> Path:
    folder: Path = info.context["folder"] if info.context else Path()
    return path if path.is_absolute() else Path(folder / path)


def _existing(path: Path, info: ValidationInfo) -> Path:
    path = _beside_the_toml(path, info)
    if not path.is_file():
        raise ValueError(f"no such file: {path}")
    return path


InputFile = Annotated[Path, AfterValidator(_existing)]
"""An existing file; relative paths start at the folder of the TOML file."""
OutputPath = Annotated[Path, AfterValidator(_beside_the_toml)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A table of a TOML file: no other keys than its fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def read_toml(path: str | Path, model: type[Model], what: str) -> Model:
    """Read and check a TOML file; relative paths in it start at its own folder.

    Parameters
    ----------
    path : path
        The file.
    model : type
        What may stand in it.
    what : str
        What is expected, for messages: "a study in TOML (docs: study)".

    Raises
    ------
    InputError
        Not TOML, a key that does not exist (the nearest valid one is named), a missing key, a wrong value or file.
    """
    text, document = load_toml(path, what)
    return check_toml(document, model, path, text)


def load_toml(path: str | Path, what: str) -> tuple[str, dict[str, Any]]:
    """Return the text of a TOML file and the tables in it, unchecked; see `read_toml` for parameters and errors."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected {what}")
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected TOML: {error}") from None


def check_toml(document: Mapping[str, Any], model: type[Model], path: str | Path, text: str) -> Model:
    """Check tables that came from the TOML file `path` with the content `text`; see `read_toml`."""
    try:
        return model.model_validate(document, context={"folder": Path(path).resolve().parent})
    except ValidationError as error:
        # a misspelt required key is also a missing one: name the misspelling
        first = min(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
        raise InputError(f"{path}{_line_of(first['loc'], text)}: {_one_line(first, model)}") from None


def _line_of(location: tuple[int | str, ...], text: str) -> str:
    """Return ``":7"`` if the offending key or section is written on line 7 and only there."""
    names = [part for part in location if isinstance(part, str)]
    if not names:
        return ""
    key = re.compile(rf"\s*(\[{re.escape('.'.join(names))}\]|{re.escape(names[-1])}\s*=)")
    lines = [number for number, line in enumerate(text.splitlines(), 1) if key.match(line)]
    return f":{lines[0]}" if len(lines) == 1 else ""


def _one_line(error: Any, root: type[BaseModel]) -> str:
    location = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        *sections, key = location
        model = _model_at(sections, root)
        where = f"[{'.'.join(sections)}]: " if sections else ""
        return f"{where}unknown key {key!r}{nearest(key, model.model_fields)}; valid: {', '.join(model.model_fields)}"
    name = ".".join(location)
    if error["type"] == "missing":
        return f"{name} is missing; it has no default and must be given"
    message = error["msg"].removeprefix("Value error, ")
    found = "" if error["type"] == "value_error" else f", found {error['input']!r}"
    return f"{name}: {message}{found}" if name else f"{message}{found}"


def _model_at(sections: list[str], root: type[BaseModel]) -> type[BaseModel]:
    """Return the model of a table: `sections` are its keys from the root, numbers and free names included."""
    annotation: Any = root
    for section in sections:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            annotation = annotation.model_fields[section].annotation
        else:  # dict[str, Table] or list[Table]
            annotation = typing.get_args(annotation)[-1]
        if isinstance(annotation, types.UnionType):
            options = typing.get_args(annotation)
            annotation = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return typing.cast("type[BaseModel]", annotation)
