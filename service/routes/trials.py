"""The trials of a sweep over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from service.paging import DEFAULT_PAGE, place_of, token_of
from service.routes.deps import CoordinatorDep, DatabaseDep, PageSize, PageToken, user
from service.schemas import EpochAnswer, Page, TrialAnswer, TrialRequest
from service.stores import epochs as epoch_rows
from service.stores import trials as trial_rows
from service.views import epoch_answer, find_sweep, find_trial, trial_answers
from sweeps.states import TrialState

router = APIRouter(prefix="/v1/sweeps/{sweep_id}/trials", tags=["trials"], dependencies=[Depends(user)])

Number = Annotated[int, Path(ge=0, le=2**31 - 1, description="The number of the trial, from 0.")]


@router.get("", response_model=Page[TrialAnswer])
def list_trials(
    sweep_id: str,
    database: DatabaseDep,
    page_size: PageSize = DEFAULT_PAGE,
    page_token: PageToken = None,
    state: Annotated[list[TrialState] | None, Query(description="Only trials in one of these states.")] = None,
) -> Page[TrialAnswer]:
    """Lists the trials of a sweep in the order of their numbers."""
    place = place_of(page_token)
    after = -1 if place is None else place
    with database.read() as connection:
        find_sweep(connection, sweep_id)
        found = trial_rows.page(connection, sweep_id, after=after, states=state or (), limit=page_size + 1)
        items = trial_answers(connection, found[:page_size], sweep_id=sweep_id)
    more = len(found) > page_size
    return Page(items=items, next_page_token=token_of(found[page_size - 1].number) if more else None)


@router.post("", status_code=201, response_model=TrialAnswer)
def try_settings(
    sweep_id: str, body: TrialRequest, response: Response, coordinator: CoordinatorDep, database: DatabaseDep
) -> TrialAnswer:
    """Settings to try next; what is missing is sampled. The trial counts towards the budget."""
    trial = coordinator.try_settings(sweep_id, settings=body.settings)
    response.headers["Location"] = f"/v1/sweeps/{sweep_id}/trials/{trial.number}"
    with database.read() as connection:
        return trial_answers(connection, [trial], sweep_id=sweep_id)[0]


@router.get("/{number}", response_model=TrialAnswer)
def get_trial(sweep_id: str, number: Number, database: DatabaseDep) -> TrialAnswer:
    """One trial."""
    with database.read() as connection:
        trial = find_trial(connection, sweep_id, number=number)
        return trial_answers(connection, [trial], sweep_id=sweep_id)[0]


@router.get("/{number}/epochs", response_model=Page[EpochAnswer])
def list_epochs(
    sweep_id: str,
    number: Number,
    database: DatabaseDep,
    page_size: PageSize = DEFAULT_PAGE,
    page_token: PageToken = None,
) -> Page[EpochAnswer]:
    """Lists the epochs of a trial in their order."""
    after = place_of(page_token) or 0
    with database.read() as connection:
        find_trial(connection, sweep_id, number=number)
        found = epoch_rows.page(connection, sweep_id, number=number, after=after, limit=page_size + 1)
    items = [epoch_answer(one) for one in found[:page_size]]
    more = len(found) > page_size
    return Page(items=items, next_page_token=token_of(items[-1].epoch) if more else None)
