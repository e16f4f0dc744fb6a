"""What README tells a newcomer to paste works when it is pasted."""

import json
import os
import re
import subprocess
from pathlib import Path

from tests.end_to_end.running import running_ravine

README = Path(__file__).parents[2] / "README.md"
SECONDS = 120


def test_the_curl_session_works_as_it_stands(tmp_path: Path) -> None:
    (block,) = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)
    with running_ravine(tmp_path / "home", RAVINE_RECORDER="false") as ravine:
        session = block.replace("API=http://127.0.0.1:8000", f"API={ravine.url}")
        assert session != block
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAVINE_")}
        done = subprocess.run(
            ["bash", "-e", "-c", session],
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        answers = list(_answers(done.stdout))
    assert [answer for answer in answers if "errors" in answer] == []
    assert len(answers) >= 6
    assert any("difference" in answer for answer in answers)


def _answers(text: str) -> list[dict[str, object]]:
    """The JSON objects of the API in what curl printed, one behind the other."""
    decoder, place, found = json.JSONDecoder(), 0, []
    while (place := text.find("{", place)) != -1:
        answer, place = decoder.raw_decode(text, place)
        found.append(answer)
    return found
