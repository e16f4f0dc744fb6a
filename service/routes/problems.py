"""What can be trained, over HTTP."""

import json
from collections.abc import Mapping

from fastapi import APIRouter, Depends

from service.coordination.known import every_problem
from service.paging import DEFAULT_PAGE, place_of, token_of
from service.problem_schemas import PresetAnswer, ProblemAnswer
from service.routes.deps import DatabaseDep, PageSize, PageToken, user
from service.schemas import Page
from sweeps.space.coordinates import COORDINATES
from sweeps.space.presets import PRESETS
from trainer import catalog
from trainer.facts import ProblemFacts
from trainer.model_settings import MODEL_SETTINGS
from trainer.settings import DEFAULTS, SETTINGS, Setting

router = APIRouter(prefix="/v1/problems", tags=["problems"], dependencies=[Depends(user)])


@router.get("", response_model=Page[ProblemAnswer])
def list_problems(
    database: DatabaseDep, page_size: PageSize = DEFAULT_PAGE, page_token: PageToken = None
) -> Page[ProblemAnswer]:
    """Lists what can be trained (data sets that ship with Ravine, uploaded ones, plugins), and how each can be."""
    first = place_of(page_token) or 0
    with database.read() as connection:
        every = every_problem(connection)
    after = first + page_size
    items = [_answer(facts) for facts in every[first:after]]
    return Page(items=items, next_page_token=token_of(after) if after < len(every) else None)


def _answer(facts: ProblemFacts) -> ProblemAnswer:
    models = [] if facts.brings_model or facts.kind == "plugin" else _models(facts)
    of_models = {path: sentence for kind in models for path, sentence in MODEL_SETTINGS[kind].items()}
    own = _with_defaults(facts.settings, defaults=facts.defaults)
    return ProblemAnswer(
        name=facts.name,
        kind=facts.kind,
        task=facts.task,
        models=models,
        metrics=list(catalog.metrics(facts)),
        settings={**_with_defaults(SETTINGS, defaults=DEFAULTS), **COORDINATES, **of_models, **own},
        presets={one.name: PresetAnswer(description=one.description, source=one.source) for one in PRESETS.values()},
        source=facts.description,
        digest=facts.digest,
    )


def _with_defaults(sentences: Mapping[str, str], *, defaults: Mapping[str, Setting]) -> dict[str, str]:
    ends = {path: f" Default: {_written(value)}." for path, value in defaults.items() if value != ""}
    return {path: sentence + ends.get(path, "") for path, sentence in sentences.items()}


def _written(value: Setting) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _models(facts: ProblemFacts) -> list[str]:
    is_image = len(facts.input_shape) == 3
    return [kind for kind in catalog.MODELS if is_image or kind not in catalog.IMAGE_MODELS]
