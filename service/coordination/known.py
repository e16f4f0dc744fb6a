"""What can be trained here, by name: what ships with Ravine, what users uploaded, what workers announced."""

from sqlalchemy import Connection

from service.stores import datasets as dataset_rows
from service.stores import plugins as plugin_rows
from trainer import catalog
from trainer.config import ProblemConfig
from trainer.facts import ProblemFacts

ANNOUNCE = (
    "start a worker with RAVINE_PROBLEMS=<file.py or module> to announce it (why one was left out stands in the "
    "worker's log, for local workers in RAVINE_HOME/logs)"
)


def every_problem(connection: Connection) -> list[ProblemFacts]:
    """Built-in data sets, then uploaded ones (the oldest first), then plugins (the latest of each name)."""
    plugins = [one.facts for one in plugin_rows.latest_of_each(connection)]
    return [*catalog.DATASETS.values(), *dataset_rows.all_facts(connection), *plugins]


def facts_of(connection: Connection, problem: ProblemConfig) -> ProblemFacts:
    """The facts about the problem that is meant; ValueError (`field: what; mend`) where there is none like it."""
    facts = _plugin(connection, problem) if problem.plugin is not None else _dataset(connection, problem.name)
    if problem.digest not in (None, facts.digest):
        raise ValueError(f"digest: {facts.name} here has other content than this digest; leave digest out")
    return facts


def _dataset(connection: Connection, name: str) -> ProblemFacts:
    if name in catalog.DATASETS:
        return catalog.DATASETS[name]
    found = dataset_rows.get(connection, name)
    if found is None:
        known = [*catalog.DATASETS, *dataset_rows.names(connection, limit=20)]
        raise ValueError(
            f"dataset: there is no data set {name!r}; choose one of {', '.join(known)}, or upload it "
            "(POST /v1/datasets)"
        )
    return found.facts


def _plugin(connection: Connection, problem: ProblemConfig) -> ProblemFacts:
    found = plugin_rows.latest(connection, problem.name, digest=problem.digest)
    if found is not None:
        return found.facts
    if problem.digest is not None and plugin_rows.latest(connection, problem.name) is not None:
        raise ValueError(
            f"digest: no worker has announced {problem.name} with this content; leave digest out for the latest one"
        )
    known = ", ".join(one.name for one in plugin_rows.latest_of_each(connection)) or "none so far"
    raise ValueError(f"plugin: no worker has announced {problem.name!r} (known: {known}); {ANNOUNCE}")
