"""Logs as lines of JSON, without what people wrote.

What a person asked, the answer and the comment never reach the log, and neither does the client's
address: an event has the fields that it is given, and they are numbers and names of ours. The
message of an exception may quote the question, so an exception is logged as its kind and place.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, TextIO

LOGGER = logging.getLogger("course_lib.service")
_PLAIN = ("course_lib.service", "uvicorn")  # loggers whose messages hold nothing of a person's


class JsonLines(logging.Formatter):
    """A record as one line of JSON.

    >>> record = logging.LogRecord("httpx", 20, "", 0, "GET %s", ("/?q=my+address",), None)
    >>> line = json.loads(JsonLines().format(record))
    >>> line["level"], line["logger"], line["event"]
    ('info', 'httpx', 'GET %s')
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line; a library's message without what was filled in, which may be anybody's."""
        ours = record.name.startswith(_PLAIN)
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage() if ours else str(record.msg),
        }
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1] is not None:
            line |= describe(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


def describe(error: BaseException) -> dict[str, str]:
    """Kind and place of an exception, without its message.

    >>> try:
    ...     int("my telephone number")
    ... except ValueError as error:
    ...     describe(error)["error"]
    'ValueError'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
    cause = {"cause": type(error.__cause__).__name__} if error.__cause__ else {}
    return {"error": type(error).__name__, "where": where, **cause}


def log(event: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Write an event with its fields."""
    LOGGER.log(level, event, extra={"fields": fields})


def configure(level: str, stream: TextIO | None = None) -> None:
    """Write everything that is logged in this process as JSON to a stream, by default stderr."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    # some libraries set their own loggers to debug
    handler.addFilter(lambda one: one.name == LOGGER.name or one.levelno >= logging.WARNING)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.captureWarnings(True)
    LOGGER.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
        logger.setLevel(logging.WARNING)
