"""Probes: a worker tries once for each group of a sweep which engine trains it faster. Functions work on the desk.

What is wanted follows from the rows, so another coordinator goes on with it; the board holds the tasks.
"""

import structlog

from service.coordination.announcing import able
from service.coordination.desk import Desk
from service.coordination.tasks import PROBE_TRIES, Ticket
from service.engine_records import GroupEngine, GroupTraits
from service.records import Sweep, Trial
from sweeps.states import SweepState
from trainer.group import own_group
from trainer.model_settings import trained_by
from trainer.task import Probe, Probed, TaskResult

log = structlog.get_logger()


def want_probes(desk: Desk) -> None:
    """Of the groups whose engine is due: as many probes at a time as there are workers for them."""
    for sweep in desk.sweeps.values():
        due = desk.groups[sweep.id].due(now=desk.now) if sweep.state is SweepState.RUNNING else []
        if due and most_rows(desk, sweep) > 1:
            _want(desk, sweep, due=due)


def most_rows(desk: Desk, sweep: Sweep) -> int:
    """How many rows a stack of this sweep could have on the workers that are here."""
    return max((one.slots for one in able(desk, sweep).workers), default=0)


def withdraw_probes(desk: Desk, sweep_id: str) -> None:
    """The sweep needs no engines, now or any more."""
    desk.board.withdraw(sweep_id, only=Probe)


def end_probe(desk: Desk, ticket: Ticket, *, result: TaskResult) -> None:
    """The group has its engine: what the probe found, or serial where it failed."""
    assert ticket.of is not None
    probe, sweep_id = ticket.task.body, ticket.of[0]
    assert isinstance(probe, Probe)
    group = own_group(probe)
    if sweep_id not in desk.sweeps or desk.groups[sweep_id].knows(group):
        return
    found = result.value
    if not isinstance(found, Probed):
        found = Probed(engine="serial", reason=f"the probe failed {PROBE_TRIES} times: {result.error}")
    measured = found.model_dump(exclude={"kind"})
    desk.add_engine(
        GroupEngine(sweep_id=sweep_id, group_id=group, traits=_traits(probe), decided_at=desk.now, **measured)
    )
    desk.has_work = True  # a sweep that is stacked now has more room
    log.info("engine.chosen", sweep=sweep_id, group=group, **measured)


def _want(desk: Desk, sweep: Sweep, *, due: list[tuple[str, Trial]]) -> None:
    probes = [one for one in desk.board.tickets() if isinstance(one.task.body, Probe)]
    under_way = {own_group(one.task.body) for one in probes if isinstance(one.task.body, Probe) and _is_of(one, sweep)}
    wanted = [trial for group, trial in due if group not in under_way]
    num_more = len(able(desk, sweep).workers) - len(probes)
    for trial in wanted[: max(0, num_more)]:
        problem, settings = trained_by(sweep.spec.problem, settings=trial.settings)
        probe = Probe(
            problem=problem,
            settings=settings,
            metric=sweep.spec.goal_metric,
            precision=sweep.spec.precision,
            seed=trial.seed,
            most_rows=most_rows(desk, sweep),
            memory_mb=sweep.spec.limits.memory_mb,
        )
        desk.board.add(probe, now=desk.now, of=trial.key)
        desk.has_work = True


def _is_of(ticket: Ticket, sweep: Sweep) -> bool:
    return ticket.of is not None and ticket.of[0] == sweep.id


def _traits(probe: Probe) -> GroupTraits:
    return GroupTraits(
        batch_size=probe.settings.batch_size,
        optimizer=probe.settings.optimizer.kind,
        model=probe.problem.model,
        settings=probe.problem.settings,
    )
