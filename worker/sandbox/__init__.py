"""What would TikTok answer? A stand-in that speaks the documented contract strictly, on loopback.

It is independent of ``schemas`` on purpose: what both get wrong would otherwise pass.

Where the real TikTok is known to accept in silence, and match nobody, the sandbox refuses with 40002 unless
``strict_hashes`` is off: identifiers in clear or in upper-case hexadecimal, and the SHA-256 of an empty
value. With it off they are taken and counted as ``unhashed_identifiers``. It also refuses a test event code
inside an event and nulls in known fields. It knows no match-key rule on event/track/: TikTok accepts an
event without any.

A script (TOML or JSON; the argument ``script``; ``python -m worker sandbox``)::

    seed = 7                              # of every chance below
    [settings]                            # the knobs: see settings.py
    requests_per_second = 10
    [tokens.my-token]                     # none: any token that is not empty passes
    sources = ["7654321098765432109"]     # or "*", the default
    state = "ok"                          # or "expired", "revoked"
    [[faults]]                            # in order; the first whose turn it is wins
    action = "throttle"
    match = { path = "event/track/", nth = 3 }
    times = 1

Conditions of a step, all of which must hold: ``path`` (whole, or from behind /open_api/v1.3/), ``event_id``
and ``event`` (one or several), ``event_id_prefix``; and by the count of the requests that the step is about:
``after = N`` (leaves out the first N, and counts from there), ``nth`` (one or several), ``every``,
``probability``. ``times`` is how often it acts at most. A step about events is asked when a request has
passed every check, and acts when at least one event of it fits; the others are asked on arrival, before any
check.

==================  ======================================================================================
action              what the client sees
==================  ======================================================================================
code                ``code`` (50000; about events 40002), ``message`` (``{index}``: first event), ``data``,
                    ``http_status``; nothing stored
throttle            the answer over a limit, as the settings form it; nothing stored
http                ``http_status`` (502) with a page, or ``html``; nothing stored
not_json            HTTP 200 with a page; nothing stored
redirect            ``http_status`` (302) to ``location``; nothing stored
reset               RST, on arrival without reading the body; nothing stored
hang                silence for ``seconds``, then the end of the connection; nothing stored
slow                the normal answer, ``seconds`` after it was handled: a client that gives up was served
accept_then_reset   RST, after the events were stored
truncate            half of the JSON; with ``close = true`` announced whole and cut off; events stored
partial             20001 with ``data``; stored are all events but those that the step is about
==================  ======================================================================================

Under /_sandbox/: ``GET events`` (``since``, ``limit``, ``event_id``), ``GET requests`` (``since``,
``limit``), ``GET stats``, ``GET deliveries`` (event id to times accepted; ``format=ndjson`` by source and
event), ``GET``, ``POST`` (a step or a list) and ``DELETE faults``, ``GET`` and ``POST settings``, ``POST
tokens``, ``POST clock`` (``{"advance_seconds": 3600}``), ``POST reset`` (as freshly started). Bodies are
never logged.
"""

from worker.sandbox.process import serve
from worker.sandbox.sandbox import Sandbox
from worker.sandbox.script import Script, load_script
from worker.sandbox.settings import Settings

__all__ = ["Sandbox", "Script", "Settings", "load_script", "serve"]
