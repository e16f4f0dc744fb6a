"""Server-Sent Events as a client reads them."""

from service.sse import StreamEvent, parse


def test_messages_end_with_an_empty_line() -> None:
    lines = ["id: 1", "event: epoch", "data: one", "", "data:two", "data: lines", "", "data: cut off"]
    assert list(parse(lines)) == [StreamEvent(id="1", data="one"), StreamEvent(id="1", data="two\nlines")]


def test_comments_and_messages_without_data_are_left_out() -> None:
    assert list(parse([": ping", "", "id: 7", "", "retry: 100", ""])) == []
