"""What comes while one request is handled is handled together with the next: in one go, in a thread of its own.

So a thousand workers that speak at once take no thread from users, and cost one transaction instead of a thousand.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeAlias, TypeVar

import structlog

from service.errors import NotTheOwner, StorageFull, Unavailable

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")
Handle: TypeAlias = Callable[[Sequence[Asked]], Sequence[Answered | Exception]]

MOST_AT_ONCE = 100
"""Users' requests come in between."""

log = structlog.get_logger()


class Together(Generic[Asked, Answered]):
    """`handle` answers what is asked at once, in order: each by an answer or by what is to be raised.

    It may answer the first ones only; the others come next.
    """

    def __init__(self, handle: Handle[Asked, Answered]) -> None:
        self._handle = handle
        self._waiting: list[tuple[Asked, asyncio.Future[Answered]]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="together")
        self._handling: asyncio.Task[None] | None = None

    async def ask(self, asked: Asked) -> Answered:
        """The answer to this. Raises what `handle` says."""
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, answer))
        if self._handling is None:
            self._handling = asyncio.create_task(self._handle_waiting())
        return await answer

    async def _handle_waiting(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                calls, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
                answers = await loop.run_in_executor(self._thread, self._answers, [asked for asked, _ in calls])
                for (_, waiting), answer in zip(calls, answers, strict=False):
                    _settle(waiting, answer=answer)
                self._waiting = calls[len(answers) :] + self._waiting
        finally:
            self._handling = None

    def _answers(self, every: Sequence[Asked]) -> Sequence[Answered | Exception]:
        try:
            return self._handle(every)
        except (Unavailable, StorageFull, NotTheOwner) as error:
            return [error] * len(every)
        except Exception as error:  # the border around several workers' requests: who did not cause it shall not suffer
            if len(every) == 1:
                return [error]
            log.warning("requests.apart", num_requests=len(every), error=type(error).__name__)
            return [answer for one in every for answer in self._answers([one])]


def _settle(waiting: "asyncio.Future[Answered]", *, answer: Answered | Exception) -> None:
    if waiting.done():  # whoever asked is gone
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
