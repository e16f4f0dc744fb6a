"""R11: tests go through public doors."""

from tests.house.fakes import patches
from tests.house.source import Source, sources


def test_no_test_patches() -> None:
    assert [found for source in sources("tests") for found in patches(source)] == []


def test_a_patch_is_found() -> None:
    def found(text: str) -> list[str]:
        return list(patches(Source(path="tests/made_up.py", text=text)))

    assert found("def test(monkeypatch):\n    monkeypatch.setattr('service.app.x', 1)")
    assert found("from unittest.mock import patch")
    assert not found("def test(monkeypatch):\n    monkeypatch.setenv('RAVINE_PORT', '0')")
