"""How the service's processes log: one JSON line an event, on stderr, tracebacks as plain text without local values."""

import logging
import sys

import structlog


def log_json_lines() -> None:
    """Makes this process log that way. Local values stay out of tracebacks: there may be tokens among them."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
