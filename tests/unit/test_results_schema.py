"""results.json keeps its committed schema, and every number in it is a record."""

import json
from importlib.resources import files

import jsonschema
import pytest

from ufpnmr.results import STATUSES, TRUSTWORTHY


@pytest.fixture(scope="module")
def schema():
    return json.loads((files("ufpnmr") / "data" / "results.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document(finished_study):
    folder, done = finished_study
    assert done.returncode in (0, 3), done.stderr
    return json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))


def test_real_results_are_valid(schema, document):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)


def test_schema_lists_the_statuses_of_records(schema):
    assert schema["$defs"]["record"]["properties"]["status"]["enum"] == list(STATUSES)
    assert schema["$defs"]["record"]["if"]["properties"]["status"]["enum"] == list(TRUSTWORTHY)


def test_every_claimed_value_has_an_interval(document):
    bare = [
        name
        for name, record in document["records"].items()
        if record["value"] is not None and (record["ci_low"] is None or record["ci_high"] is None)
    ]
    assert bare == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.update(extra=1),
        lambda d: d["records"].update(tau=3.0),
        lambda d: d["records"]["diffusion"].pop("ci_low"),
        lambda d: d["records"]["diffusion"].update(status="fine"),
        lambda d: d["records"]["diffusion"].update(status="ok", value=None),
        lambda d: d.pop("provenance"),
    ],
)
def test_damage_is_noticed(schema, document, damage):
    copy = json.loads(json.dumps(document))
    damage(copy)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(copy, schema)
