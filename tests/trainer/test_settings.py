from pathlib import Path

import pytest
from pydantic import ValidationError

from trainer.kinds import Cosine
from trainer.settings import KINDS, SETTINGS, Settings, parameters_of, paths_of, settings_of, typed_field


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_has_a_default_and_says_what_it_does(path: str) -> None:
    model, name = typed_field(path)
    assert not model.model_fields[name].is_required()
    assert SETTINGS[path].endswith(".")
    assert len(SETTINGS[path]) > 15


def test_every_parameter_of_every_kind_is_a_setting() -> None:
    parameters = {
        f"{name}.{kind}.{parameter}"
        for name, kinds in KINDS.items()
        for kind, model in kinds.items()
        for parameter in parameters_of(model)
    }
    assert set(SETTINGS) == set(Settings.model_fields) | parameters


def test_settings_come_back_from_their_paths() -> None:
    for name, kinds in KINDS.items():
        for kind in kinds:
            settings = settings_of({name: kind, "batch_size": "full"})
            assert settings_of(paths_of(settings)) == settings


def test_a_parameter_goes_to_its_kind() -> None:
    assert settings_of({"schedule.cosine.final": 0.5, "schedule": "cosine"}).schedule == Cosine(final=0.5)


def test_a_parameter_of_another_kind_is_refused() -> None:
    with pytest.raises(ValidationError):
        settings_of({"schedule.cosine.final": 0.5, "schedule": "step"})
    with pytest.raises(ValidationError):
        settings_of({"schedule.cosine.final": 0.5})


@pytest.mark.parametrize("path", SETTINGS)
def test_every_setting_is_in_the_docs(path: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sgd.md").read_text()
    assert f"`{path}`" in page
