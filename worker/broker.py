"""How does Celery get on with its broker? It is told where it is, and kombu's ways are mended.

kombu 5.7 closes a channel by first reading the answer to a pending BRPOP. If Redis has died, that raises, the channel
stays half open on a transport that is forgotten, and the next attempt to close it, when it holds a message that was
not acknowledged yet, ends the whole worker with "Unrecoverable error: AttributeError". Messages that cannot be put
back now come again after the visibility timeout, as after any death of a worker.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from kombu.transport.redis import Channel, QoS

from tiktok_events.addresses import choose_url
from tiktok_events.brokers import Broker, choose_broker
from worker.connection import unnamed

log = logging.getLogger(__name__)

_close = Channel.close
_connparams = Channel._connparams  # type: ignore[attr-defined] # not in its types
_restore_unacked = QoS.restore_unacked


def _steady_close(channel: Any) -> None:
    try:
        _close(channel)
    except channel.connection_errors:
        # Nothing is pending any more, so this time it gets to the end.
        _close(channel)


def _unnamed_connparams(channel: Any, asynchronous: bool = False) -> dict[str, Any]:
    made = _connparams(channel, asynchronous)
    return {**made, **unnamed(made)}


def _steady_restore_unacked(qos: Any, client: Any = None) -> None:
    try:
        _restore_unacked(qos, client)
    except qos.channel.connection_errors as error:
        log.warning("messages left to the visibility timeout", extra={"cause": type(error).__name__})


def chosen() -> Broker:
    """Return where wake-ups go; where Celery cannot use that, a broker that is none.

    The pages import the application, too, and need no broker: a worker refuses to start (see `worker.app`).
    """
    try:
        return choose_broker()
    except ValueError:
        return Broker("memory://")


def url_in_redis() -> str:
    """Return the broker's URL as redis-py spells it. It may be no Redis: look at the scheme."""
    return os.environ.get("CELERY_BROKER_URL") or choose_url()


def mend() -> None:
    """Make closing a channel of a dead Redis work, in this process, and keep connections from telling their name.

    Calling it again changes nothing.
    """
    Channel.close = _steady_close  # type: ignore[method-assign, assignment]
    Channel._connparams = _unnamed_connparams  # type: ignore[attr-defined]
    QoS.restore_unacked = _steady_restore_unacked  # type: ignore[method-assign, assignment]
