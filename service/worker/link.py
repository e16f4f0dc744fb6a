"""The worker's line to the service: a thread that sends, and one that waits for work."""

import random
import threading
from collections.abc import Callable
from queue import SimpleQueue

from pydantic import ValidationError

from service.protocol import Exchange, ExchangeAnswer, Hello, Wait, Welcome
from service.starting.refusal import BAD_CONFIGURATION
from service.worker.events import WaitEnded
from service.worker.session import Address, LinkLost, Refused, Session, Unanswered


class Link:
    """Says hello, then carries one exchange and one wait at a time.

    `tell` hears, from the link's threads, Welcome, ExchangeAnswer, WaitEnded and LinkLost.
    """

    def __init__(self, address: Address, *, hello: Hello, tell: Callable[[object], None]) -> None:
        self._address, self._hello, self._tell = address, hello, tell
        self._leaving = threading.Event()
        self._exchanges: SimpleQueue[Exchange] = SimpleQueue()
        self._waits: SimpleQueue[Wait] = SimpleQueue()

    def open(self) -> None:
        """Starts to talk."""
        self.spawn(self._send_all, name="link-sender")

    def send(self, exchange: Exchange) -> None:
        """Sends an exchange, again and again until it is answered; the one before must have been."""
        self._exchanges.put(exchange)

    def wait(self, wait: Wait) -> None:
        """Starts a long poll; the one before must have ended."""
        self._waits.put(wait)

    def leave(self) -> None:
        """From now on nothing is repeated."""
        self._leaving.set()

    def session(self, token: str) -> Session:
        """A line of its own for one thread."""
        return Session(self._address, token=token, leaving=self._leaving)

    def spawn(self, work: Callable[[], None], *, name: str) -> None:
        """Runs the work in a thread whose end the worker hears of."""
        threading.Thread(target=self._guard, args=(work,), name=name, daemon=True).start()

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except LinkLost as lost:
            self._tell(lost)
        except Exception as error:  # the border around one worker: a thread that died unheard would leave it mute
            self._tell(LinkLost(f"{type(error).__name__}: {error}", code=1))

    def _send_all(self) -> None:
        welcome = self._say_hello()
        self._tell(welcome)
        self.spawn(lambda: self._wait_all(welcome.token), name="link-waiter")
        session = self.session(welcome.token)
        while True:
            self._tell(self._exchange(session, body=self._exchanges.get().model_dump_json()))

    def _exchange(self, session: Session, *, body: str) -> ExchangeAnswer:
        response = session.insist(lambda: session.post(f"{self._address.path}:exchange", body=body))
        return ExchangeAnswer.model_validate_json(response.content)

    def _say_hello(self) -> Welcome:
        session = self.session(self._address.join_token)
        body = self._hello.model_dump_json()
        try:
            answer = session.insist(lambda: session.post("/v1/workers:hello", body=body))
            return Welcome.model_validate_json(answer.content)
        except Refused as no:
            if no.detail is None:
                raise self._no_service(f"status {no.status}") from no
            why = f"RAVINE_URL: the service at {self._address.url} refuses this worker ({no.status}): {no.detail}"
            raise LinkLost(why, code=BAD_CONFIGURATION) from no
        except ValidationError as error:
            raise self._no_service("an answer of another kind") from error

    def _no_service(self, found: str) -> LinkLost:
        why = f"RAVINE_URL: what answers at {self._address.url} is no Ravine of this version ({found}); mend it."
        return LinkLost(why, code=BAD_CONFIGURATION)

    def _wait_all(self, token: str) -> None:
        session = self.session(token)
        while True:
            wait = self._waits.get()
            try:
                session.post(f"{self._address.path}:wait", body=wait.model_dump_json(), read_seconds=wait.seconds + 10)
            except Unanswered:
                self._leaving.wait(random.uniform(0.2, 0.5))  # an exchange follows: not all workers' at one moment
            self._tell(WaitEnded())
