"""What README tells a newcomer to paste works when it is pasted."""

import json
import os
import re
import subprocess
from pathlib import Path

from sweeps.states import SweepState, TrialState
from tests.databases import Databases
from tests.end_to_end.running import running_ravine

README = Path(__file__).parents[2] / "README.md"
SECONDS = 120


def test_the_curl_session_works_as_it_stands(tmp_path: Path, databases: Databases) -> None:
    session, *_ = _sessions()
    with running_ravine(tmp_path / "home", RAVINE_RECORDER="false", **databases.for_service()) as ravine:
        answers = _pasted(session, url=ravine.url)
    assert len(answers) >= 6
    assert any("difference" in answer for answer in answers)


def test_a_newcomer_tunes_on_a_table_with_two_calls(tmp_path: Path, databases: Databases) -> None:
    _, session, in_use = _sessions()
    assert session.count("curl ") == 2
    with running_ravine(tmp_path / "home", RAVINE_RECORDER="false", **databases.for_service()) as ravine:
        dataset, sweep = _pasted(session, url=ravine.url)
        assert dataset["name"] == "finches"
        ended = ravine.client.wait(str(sweep["id"]), seconds=SECONDS)
        best = ravine.client.best(ended.id)
        (prediction,) = _pasted(in_use, url=ravine.url)
    assert prediction["predictions"] == ["ground"]
    assert ended.state is SweepState.COMPLETED
    assert ended.spec.problem.digest == dataset["sha256"]
    assert best.value > 0.8
    assert ended.trial_counts.get(TrialState.FAILED, 0) == 0


def _sessions() -> list[str]:
    """What README shows to be pasted, in its order."""
    return re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)


def _pasted(session: str, *, url: str) -> list[dict[str, object]]:
    """The answers to a session that goes to this Ravine; none of them says no."""
    said = session.replace("API=http://127.0.0.1:8000", f"API={url}")
    assert said != session
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAVINE_")}
    done = subprocess.run(
        ["bash", "-e", "-c", said],
        cwd=README.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    answers = list(_answers(done.stdout))
    assert [answer for answer in answers if "errors" in answer] == []
    return answers


def _answers(text: str) -> list[dict[str, object]]:
    """The JSON objects of the API in what curl printed, one behind the other."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while (place := text.find("{", place)) != -1:
        answer, place = decoder.raw_decode(text, place)
        found.append(answer)
    return found
