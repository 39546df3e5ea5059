"""What a log line looks like: JSON with the same fields each time, or readable on a terminal."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

import orjson

from worker.log_fields import FIELDS
from worker.redaction import redact

_OURS = ("worker", "tasks", "celery.apps")
"""Whose messages hold no value of an event; Celery's own banner names hosts as `celery@host`."""
_TASK = ("name", "id", "description")
"""What Celery's lines about a task may say of it."""

_QUIET = ("urllib3", "celery.pool", "celery.worker.strategy", "kombu", "amqp")
"""Their DEBUG lines hold URLs, headers or the arguments of tasks."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, then what the caller added."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. An exception is told by its type and place, never by its text."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
            **_added(record),
        }
        if record.exc_info and record.exc_info[0]:
            told["exception"] = record.exc_info[0].__name__
            told["at"] = _innermost(record)
        return orjson.dumps(told, default=str).decode()


class TerminalFormatter(logging.Formatter):
    """The same for a person: one line, the fields behind the message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said = {key: value for key, value in _added(record).items() if value not in (None, 0, [])}
        fields = " ".join(f"{key}={value}" for key, value in said.items())
        clock = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{clock} {record.levelname:<7} {_message(record)} {fields}".rstrip()
        if record.exc_info and record.exc_info[0]:
            line += f" exception={record.exc_info[0].__name__} at={_innermost(record)}"
        return line


def _message(record: logging.LogRecord) -> str:
    """Return what the line says. A library may quote what it was working on: its first line, redacted, will do.

    One about an exception quotes that, and an exception may quote an event: then what is filled in is left out.
    """
    if record.name.startswith(_OURS):
        return record.getMessage()
    text = _unfilled(record) if record.exc_info and record.args else record.getMessage()
    return redact(text.partition("\n")[0])


def _unfilled(record: logging.LogRecord) -> str:
    """Return the text of a line with nothing filled in but which task of Celery's it is about."""
    text = str(record.msg)
    if isinstance(record.args, Mapping):
        for name in _TASK:
            text = text.replace(f"%({name})s", str(record.args.get(name, "")))
    return text


def _added(record: logging.LogRecord) -> dict[str, object]:
    """Return what the caller added. A field that is not in the list may be a library's, and hold anything."""
    return {key: value for key, value in record.__dict__.items() if key in FIELDS and key != "message"}


def _innermost(record: logging.LogRecord) -> str:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""


def start(*, stream: TextIO | None = None) -> None:
    """Send every logger's lines to standard error, at `LOG_LEVEL` and in `LOG_FORMAT`.

    Raises:
        ValueError: one of them is none.
    """
    target = stream or sys.stderr
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(os.environ.get("LOG_FORMAT") or "auto", target))
    level = os.environ.get("LOG_LEVEL") or "INFO"
    if level.upper() not in logging.getLevelNamesMapping():
        raise ValueError("LOG_LEVEL: not DEBUG, INFO, WARNING, ERROR or CRITICAL")
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.INFO)


def _formatter(form: str, target: TextIO) -> logging.Formatter:
    if form not in ("json", "text", "auto"):
        raise ValueError("LOG_FORMAT: not json, text or auto")
    plain = form == "text" or (form == "auto" and target.isatty())
    return TerminalFormatter() if plain else JsonFormatter()
