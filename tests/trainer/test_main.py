import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.own_problems import SPIRALS
from trainer.__main__ import main


def _file(folder: Path, *, text: str) -> str:
    path = folder / "config.json"
    path.write_text(text)
    return str(path)


def test_one_training_prints_a_line_per_epoch_and_closes(tmp_path: Path) -> None:
    config = _file(tmp_path, text=json.dumps({"settings": {"momentum": 0.9}, "epochs": 3, "seed": 1}))
    command = [sys.executable, "-m", "trainer", config]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, timeout=60)
    *epochs, closing = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert epochs[-1]["val_accuracy"] > 0.8
    assert (closing["state"], closing["num_epochs"]) == ("COMPLETED", 3)
    assert done.stderr == ""


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "cosine", "schedule.cosine.final": 0.1, "optimizer": "adam"},
        {"schedule": {"kind": "cosine", "final": 0.1}, "optimizer": {"kind": "adam"}},
    ],
)
def test_settings_are_named_by_path_or_nested(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, object]
) -> None:
    config = {"problem": {"dataset": "wine"}, "settings": settings, "epochs": 2}
    assert main([_file(tmp_path, text=json.dumps(config))]) == 0
    rates = [json.loads(line).get("learning_rate") for line in capsys.readouterr().out.splitlines()]
    shares = [0.1 + 0.9 * (1 + math.cos(math.pi * t / 8)) / 2 for t in (3, 7)]
    assert rates == [pytest.approx(0.01 * share) for share in shares] + [None]


def test_the_models_settings_shape_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def lines(config: dict[str, object]) -> list[str]:
        assert main([_file(tmp_path, text=json.dumps({"epochs": 1, **config}))]) == 0
        return [str(json.loads(line).get("train_loss")) for line in capsys.readouterr().out.splitlines()]

    shaped = lines({"settings": {"model.width": 8, "model.depth": 2}})
    assert shaped == lines({"problem": {"dataset": "digits", "model": {"kind": "mlp", "hidden": [8, 8]}}})
    assert shaped != lines({})


def test_a_problem_of_ones_own_is_trained_with_its_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"problem": {"plugin": "spirals"}, "problems": [SPIRALS], "settings": {"problem.width": 8}, "epochs": 1}
    assert main([_file(tmp_path, text=json.dumps(config))]) == 0
    epoch, closing = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "margin" in epoch
    assert closing["state"] == "COMPLETED"
    for settings, message in (
        ({"problem.width": "wide"}, "problem.width: 'wide' is not an integer"),
        ({"problem.height": 3}, "problem.height: the problem has no such setting of its own; known: width"),
        ({"model.width": 3}, "settings.model.width: the model of spirals has no such setting; known: it has none"),
    ):
        assert main([_file(tmp_path, text=json.dumps({**config, "settings": settings}))]) == 2
        assert capsys.readouterr().err.startswith(message)


def test_a_divergence_is_a_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = {"problem": {"dataset": "quadratic"}, "settings": {"learning_rate": 1.0}, "epochs": 10}
    assert main([_file(tmp_path, text=json.dumps(config))]) == 0
    closing = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert closing["state"] == "DIVERGED"
    assert "exploded" in closing["reason"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "config: Invalid JSON"),
        ("[]", "config: Input should be an object"),
        ('{"epoch": 3}', "epoch: Extra inputs"),
        ('{"epochs": 0}', "epochs: Input should be greater"),
        ('{"settings": {"learning_rate": -1}}', "settings.learning_rate: Input should be greater"),
        ('{"problem": {"dataset": "dgits"}}', "dataset: there is no data set 'dgits'; choose one of digits"),
        ('{"problem": {"dataset": "quadratic", "model": {"kind": "linear"}}}', "model: quadratic brings its own"),
        ('{"settings": {"batch_size": 5000}}', "batch_size: 5000 is more than the 1078"),
        ('{"settings": {"nesterov": true}}', "nesterov: it needs momentum"),
        ('{"settings": {"nesterov": true, "momentum": 0.9, "dampening": 0.1}}', "nesterov: it goes with no dampening"),
        ('{"settings": {"dampening": 0.1, "velocity": "classical"}}', "dampening: the classical velocity has none"),
        ('{"settings": {"lr_decay": 0.1, "schedule": "cosine"}}', "lr_decay: it is for the schedule constant"),
        ('{"settings": {"optimizer": {"kind": "adam"}, "momentum": 0.9}}', "momentum: only the optimizer sgd has it"),
        ('{"settings": {"schedule": "cosin"}}', "settings.schedule: Input tag 'cosin'"),
        ('{"settings": {"schedule": "step", "schedule.step.gamma": 2}}', "settings.schedule.step.gamma: Input should"),
        ('{"settings": {"schedule.cosine.final": 0.1}}', "settings.schedule.constant.cosine.final: Extra inputs"),
        ('{"settings": 3}', "settings: Input should be"),
        ('{"settings": {"model.width": 0}}', "model.width: Input should be greater"),
        (
            '{"settings": {"model.blocks": 2}}',
            "settings.model.blocks: the model of digits has no such setting; known: m",
        ),
        ('{"settings": {"problem.width": 2}}', "settings.width: digits has no such setting of its own"),
        ('{"problem": {"plugin": "nowhere"}}', "This worker has no problem 'nowhere'"),
        ('{"metric": {"name": "val_r2"}}', "metric: digits reports no 'val_r2'"),
        ('{"device": "abacus"}', "device: There is no device 'abacus'"),
    ],
)
def test_a_wrong_config_is_refused_with_a_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    assert main([_file(tmp_path, text=text)]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(message)
    assert "Traceback" not in said.err
    assert said.out == ""


def test_a_missing_file_and_missing_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere/config.json"]) == 2
    assert "cannot be read: No such file" in capsys.readouterr().err
    assert main([]) == 2
    assert "usage:" in capsys.readouterr().err
