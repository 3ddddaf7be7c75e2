"""The WebSocket between a station and its central system: calls each way, one at a time, as OCPP-J has them."""

import logging
import ssl
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from queue import Empty, Full, Queue
from uuid import uuid4

from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect

from bench.clock import monotonic
from bench.managing.allowance import Allowance
from bench.managing.ocpp import rpc
from bench.managing.ocpp.rpc import Handler, Payload, Refused, Result

LARGEST = 1 << 18
"""Bytes of a message: longer ones end the line, with the code that says so."""
OPENS = 10.0
"""s of real time that a central system has to accept a line."""
ALIVE = 5.0
"""s of real time between two pings, and until one has to be answered."""
WAITING = 64
"""Answers that nobody has taken yet."""
RATE = 50.0
"""Calls a second that are carried out, and that may come at once; more are answered by an error, and change nothing."""
READ = 1000.0
"""Messages a second that are read, whatever becomes of them; more have to wait in the line, with pings and pongs."""
LOST = "its line was lost"
_SILENT = logging.Logger("websockets of the station", logging.CRITICAL + 1)
"""What goes wrong on a line is told by whoever has it, in a sentence."""
CERTIFICATE = "a certificate, or another one, of the station"
TROUBLE = (OSError, WebSocketException, TimeoutError)


class NoLine(Exception):
    """There is no line, or none any more; one clause."""


class Line:
    """One connection to `url`. Calls of theirs are answered by `handler`, in a thread of the line's own.

    `floods` is whether they have called for more than is carried out.

    Raises `NoLine` where nobody accepts it as OCPP 2.1.
    """

    def __init__(
        self, url: str, handler: Handler, *, context: ssl.SSLContext | None = None, headers: Mapping[str, str]
    ) -> None:
        self._handler = handler
        self._results: Queue[Result] = Queue(WAITING)
        self._one_at_a_time = threading.Lock()
        self._opened = ExitStack()
        self._line = _connected(self._opened, url, context, headers)
        self.lost = threading.Event()
        self.floods = False
        self._allowance = Allowance(RATE)
        self._reader = threading.Thread(target=self._read, name="ocpp line", daemon=True)
        self._reader.start()

    def call(self, action: str, payload: Payload, patience: float) -> Payload:
        """Call, and wait so many s for what answers; raises `NoLine`, or `Refused` for an error or a bad answer."""
        number = str(uuid4())
        with self._one_at_a_time:
            while not self._results.empty():  # answers to nothing, or to what was given up
                self._results.get_nowait()
            self._send(rpc.call(number, action, payload))
            result = self._answer(number, monotonic() + patience)
        if result.error:
            raise Refused(result.code, f"{action}: {result.error}")
        return rpc.valid(rpc.RESULT, action, result.payload)

    def _answer(self, number: str, until: float) -> Result:
        while not self.lost.is_set():
            left = until - monotonic()
            if left <= 0:
                raise NoLine(f"it did not answer in time{self.behind}")
            with suppress(Empty):
                result = self._results.get(timeout=min(left, 0.1))
                if result.number == number:
                    return result
        raise NoLine(LOST)

    @property
    def behind(self) -> str:
        """Why what they have said may not have been read, as the end of a sentence; empty where it has."""
        return f"; of what it calls for no more than {RATE:g} a second are carried out" if self.floods else ""

    def _send(self, text: str) -> None:
        try:
            self._line.send(text)
        except TROUBLE as error:
            self.lost.set()
            raise NoLine(LOST) from error

    def _read(self) -> None:
        try:
            self._listen()
        except Exception:  # noqa: BLE001 - whatever a message has done to its reader, nobody is heard any more
            self._opened.close()
        finally:
            self.lost.set()

    def _listen(self) -> None:
        pace, pause = deque[float](maxlen=int(READ)), threading.Event()
        with suppress(NoLine, *TROUBLE):
            for message in self._line:
                answer = rpc.received(message, self._handler, self._admits)
                if isinstance(answer, Result):
                    with suppress(Full):  # nobody waits for so many
                        self._results.put_nowait(answer)
                elif answer is not None:
                    self._send(answer)
                pace.append(monotonic())
                if len(pace) == pace.maxlen:
                    # What a flood of messages costs the bench is bounded: the rest waits where it is.
                    pause.wait(max(pace[0] + 1.0 - pace[-1], 0.0))

    def _admits(self) -> bool:
        """Whether one more call is carried out. What is not is answered all the same: a pong waits behind it."""
        if self._allowance.take(RATE):
            return True
        self.floods = True
        return False

    def close(self) -> None:
        """Hang up; may be called again."""
        self.lost.set()
        with suppress(*TROUBLE):
            self._opened.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(timeout=ALIVE)


def _connected(
    opened: ExitStack, url: str, context: ssl.SSLContext | None, headers: Mapping[str, str]
) -> ClientConnection:
    """A line that is hung up on when `opened` ends; raises `NoLine`."""
    try:
        line = opened.enter_context(
            connect(
                url, ssl=context, additional_headers=dict(headers),
                subprotocols=[rpc.SUBPROTOCOL],  # type: ignore[list-item]
                open_timeout=OPENS, close_timeout=1.0, ping_interval=ALIVE, ping_timeout=ALIVE, max_size=LARGEST,
                compression=None, proxy=None, logger=_SILENT,
            )
        )  # fmt: skip
    except InvalidURI as error:
        raise NoLine("that is no address of a WebSocket") from error
    except (InvalidHandshake, *TROUBLE) as error:
        raise NoLine(_refusal(error, secured=context is not None)) from error
    if line.subprotocol != rpc.SUBPROTOCOL:
        opened.close()
        raise NoLine(f"it does not speak {rpc.SUBPROTOCOL}")
    return line


def _refusal(error: BaseException, *, secured: bool) -> str:
    """Why nobody accepts a line, `secured` by TLS or not, as far as what came instead tells it; one clause."""
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        why = {401: ", identity and password are not those that it knows", 400: f", it may not speak {rpc.SUBPROTOCOL}"}
        return f"it accepts no line (HTTP {status}{why.get(status, '')})"
    tls = _secured(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return f"its certificate is not believed ({tls.verify_message.rstrip('.')})"
    if tls is not None:
        return f"TLS of version 1.2 or newer does not come about ({tls.reason}); it may want {CERTIFICATE}"
    if secured and isinstance(error, WebSocketException):  # of TLS 1.3: a server says only behind the handshake
        return f"it hangs up behind the TLS handshake; it may want {CERTIFICATE}"
    said = "it accepts no line" if isinstance(error, InvalidHandshake) else "nobody answers"
    return f"{said} ({error})"


def _secured(error: BaseException | None) -> ssl.SSLError | None:
    """What went wrong with TLS behind an error, if anything."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error
