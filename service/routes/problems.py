"""What can be trained, over HTTP."""

from fastapi import APIRouter, Depends

from service.routes.deps import user
from service.schemas import Page, ProblemAnswer
from trainer import catalog
from trainer.settings import SETTINGS

router = APIRouter(prefix="/v1/problems", tags=["problems"], dependencies=[Depends(user)])


@router.get("", response_model=Page[ProblemAnswer])
def list_problems() -> Page[ProblemAnswer]:
    """Lists what can be trained: the data sets, and for each its models, metrics and settings."""
    return Page(items=[_answer(name) for name in catalog.DATASETS], next_page_token=None)


def _answer(name: str) -> ProblemAnswer:
    info = catalog.dataset(name)
    return ProblemAnswer(
        name=name,
        kind="dataset",
        task=info.task,
        models=[] if info.brings_model else list(catalog.MODELS),
        metrics=list(catalog.metrics(info)),
        settings=dict(SETTINGS),
        source=info.description,
    )
