"""GET /v1/problems: all that can be trained, and how."""

from tests.service.api_house import ApiHouse
from tests.service.scripted_worker import ScriptedWorker
from tests.service.test_api_datasets import upload
from tests.service.test_coordinator_plugins import facts


def test_what_ships_what_was_uploaded_and_what_was_announced(api_house: ApiHouse) -> None:
    digest = upload(api_house).json()["sha256"]
    ScriptedWorker(api_house.house.coordinator).say(problems=(facts(),))
    by_name = {one["name"]: one for one in api_house.get("/v1/problems")["items"]}
    assert list(by_name) == ["digits", "breast_cancer", "wine", "diabetes", "quadratic", "birds", "spiral"]
    digits, birds, spiral = (by_name[name] for name in ("digits", "birds", "spiral"))
    assert digits["models"] == ["linear", "mlp", "cnn", "resnet"]
    assert birds["models"] == ["linear", "mlp"]
    assert spiral["models"] == by_name["quadratic"]["models"] == []
    assert (digits["digest"], birds["digest"], spiral["digest"]) == (None, digest, "a" * 64)
    assert (birds["kind"], spiral["kind"]) == ("dataset", "plugin")
    assert {"learning_rate", "model.width", "model.blocks"} <= set(digits["settings"])
    assert "model.blocks" not in birds["settings"]
    assert spiral["settings"]["problem.turns"] == "How often an arm goes round."
    assert digits["settings"]["momentum"].endswith(" Default: 0.0.")
    assert digits["settings"]["schedule.step.gamma"].endswith(" Default: 0.1.")
    assert digits["settings"]["schedule"].endswith(" Default: constant.")
    assert "val_arms" in spiral["metrics"]
    assert "val_f1_macro" in birds["metrics"]
    assert birds["source"] == "What a test uploaded."


def test_each_preset_says_what_it_is_for_and_where_it_comes_from(api_house: ApiHouse) -> None:
    presets = api_house.get("/v1/problems")["items"][0]["presets"]
    assert {"sgd-basic", "sgd-full", "sgd-schedules", "optimizers", "batch-regimes", "range-test"} <= set(presets)
    assert all(preset["description"] and preset["source"] for preset in presets.values())


def test_the_list_is_paged(api_house: ApiHouse) -> None:
    upload(api_house)
    names: list[str] = []
    token = ""
    while token is not None:
        page = api_house.get(f"/v1/problems?page_size=4{token and '&page_token='}{token}")
        names += [one["name"] for one in page["items"]]
        token = page["next_page_token"]
    assert names == ["digits", "breast_cancer", "wine", "diabetes", "quadratic", "birds"]
