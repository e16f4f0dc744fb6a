"""A multipart/form-data body taken piece by piece: one file, written where it shall lie, and short texts beside it."""

from collections.abc import Callable
from typing import IO, Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from service.errors import InvalidRequest
from sweeps.wrong import FieldError

FILE = "file"
MAX_PARTS = 50
MAX_TEXT_BYTES = 64_000
SEND = 'send multipart/form-data with the file in the part "file", as `curl -F file=@data.csv` does'


class FormReader:
    """Writes the part "file" to `file` and keeps the others as texts; every method may raise InvalidRequest.

    `file_name` is what the client calls the file, None until its part began.
    """

    def __init__(self, content_type: str, *, file: IO[bytes]) -> None:
        self.texts: dict[str, str] = {}
        self.file_name: str | None = None
        self._file = file
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._part = ""
        self._text = bytearray()
        self._seen: set[str] = set()
        self._is_whole = False
        self._parser = _parser(content_type, callbacks=self._callbacks())

    def take(self, chunk: bytes) -> None:
        """The next piece of the body. Raises OSError when the file cannot be written."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise malformed(f"is no multipart/form-data ({error})") from error

    def end(self) -> None:
        """The body is over: it must have been whole, with a file in it."""
        if not self._is_whole:
            raise malformed("ends before its last boundary: the upload was cut off")
        if self.file_name is None:
            raise malformed("has no file", field=FILE)

    def _callbacks(self) -> dict[str, Callable[..., None]]:
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_header,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._name_part,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition = b""

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _name_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode("utf-8", errors="replace")
        if not self._part:
            raise malformed("has a part without a name")
        if self._part in self._seen:
            raise malformed("is there twice", field=self._part)
        self._seen.add(self._part)
        if len(self._seen) > MAX_PARTS:
            raise malformed(f"has more than {MAX_PARTS} parts")
        self._text = bytearray()
        if self._part == FILE:
            self.file_name = options.get(b"filename", b"").decode("utf-8", errors="replace")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._part == FILE:
            self._file.write(memoryview(data)[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > MAX_TEXT_BYTES:
            raise malformed(f"is longer than {MAX_TEXT_BYTES} bytes", field=self._part)

    def _end_part(self) -> None:
        if self._part == FILE:
            return
        try:
            self.texts[self._part] = self._text.decode()
        except UnicodeDecodeError as error:
            raise malformed("is not UTF-8", field=self._part) from error

    def _end(self) -> None:
        self._is_whole = True


def malformed(message: str, *, field: str = "body") -> InvalidRequest:
    """The error of a body that is not the form that is wanted."""
    fault = FieldError(field[:100], message, SEND)
    return InvalidRequest(str(fault), errors=(fault,))


def _parser(content_type: str, *, callbacks: Any) -> MultipartParser:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data" or not options.get(b"boundary"):
        raise malformed("is not multipart/form-data with a boundary")
    try:
        return MultipartParser(options[b"boundary"], callbacks)
    except FormParserError as error:
        raise malformed(f"has a boundary that cannot be one ({error})") from error
