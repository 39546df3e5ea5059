"""Which keys there are in Redis, who owns each, and when it ends.

Every key of a destination shares the hash tag `{destination}`, so that one Lua call may touch all of them on a
Redis Cluster. `ALL` is the closed list that docs/redis.md is generated from.
"""

from __future__ import annotations

from dataclasses import dataclass

from tiktok_events.keys import PREFIX, REGISTRY, bulk, bulk_size, inbox, woken

GROUP = "workers"
"""The one consumer group of every stream."""

UNKNOWN = "_unknown"
"""The pseudo-destination that keeps the dead letters of events that named none that exists."""

LEADER = f"{PREFIX}:{{fleet}}:leader"
VACANCY = f"{PREFIX}:{{fleet}}:vacancy"
CALLS = f"{PREFIX}:{{fleet}}:calls"
SWEPT = f"{PREFIX}:{{fleet}}:swept"
AUDIT = f"{PREFIX}:audit"
ACCESS = f"{PREFIX}:access"
PEOPLE_KEY = f"{PREFIX}:people:key"
WORKERS = f"{PREFIX}:workers"


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one destination."""

    destination: str

    def of(self, name: str) -> str:
        """Return the key called `name` of this destination."""
        return f"{PREFIX}:{{{self.destination}}}:{name}"

    @property
    def inbox(self) -> str:
        return inbox(self.destination) if self.destination != UNKNOWN else self.of("inbox")

    @property
    def bulk(self) -> str:
        return bulk(self.destination)

    @property
    def bulk_size(self) -> str:
        return bulk_size(self.destination)

    @property
    def retry(self) -> str:
        return self.of("retry")

    @property
    def replay(self) -> str:
        return self.of("replay")

    @property
    def streams(self) -> tuple[str, str, str, str]:
        """The streams in the order in which scripts number them."""
        return self.inbox, self.retry, self.replay, self.bulk

    @property
    def due(self) -> str:
        return self.of("due")

    @property
    def scheduled(self) -> str:
        return self.of("scheduled")

    @property
    def dead(self) -> str:
        return self.of("dead")

    @property
    def dead_meta(self) -> str:
        return self.of("dead:meta")

    @property
    def dead_events(self) -> str:
        return self.of("dead:events")

    @property
    def dead_revisions(self) -> str:
        return self.of("dead:revisions")

    @property
    def facets(self) -> str:
        return self.of("dead:facets")

    def facet(self, kind: str, value: str) -> str:
        """Return the index of the dead letters whose `kind` (reason, code, event) is `value`."""
        return self.of(f"dead:by:{kind}:{value}")

    def told(self, reason: str, code: int | None) -> str:
        """Return whether Sentry was told of dead letters with this reason and code."""
        return self.of(f"told:{reason}:{'' if code is None else code}")

    @property
    def people(self) -> str:
        """The blind index of the people that scheduled events and dead letters are about."""
        return self.of("people")

    @property
    def state(self) -> str:
        return self.of("state")

    @property
    def breaker(self) -> str:
        return self.of("breaker")

    @property
    def slices(self) -> str:
        return self.of("slices")

    @property
    def totals(self) -> str:
        return self.of("totals")

    def minute(self, minute: int) -> str:
        """Return the counters of one minute, counted from the epoch."""
        return self.of(f"minute:{minute}")

    def ledger(self, day: int) -> str:
        """Return the ids delivered on one day, counted from the epoch."""
        return self.of(f"ledger:{day}")

    def order(self, digest: str) -> str:
        """Return what is known of one order; it is named by a digest of its id."""
        return self.of(f"order:{digest}")

    @property
    def event_set(self) -> str:
        return self.of("event-set")

    @property
    def event_set_lock(self) -> str:
        return self.of("event-set:lock")

    @property
    def order_refs(self) -> str:
        return self.of("orders:refs")

    @property
    def intake(self) -> str:
        return self.of("orders:intake")

    def job(self, job_id: str) -> str:
        """Return the state of one replay job."""
        return self.of(f"job:{job_id}")

    @property
    def jobs(self) -> str:
        return self.of("jobs")


def credential(name: str) -> str:
    """Return the tokens of a refreshing credential, which all destinations that use it share."""
    return f"{PREFIX}:{{credential:{name}}}"


def credential_lock(name: str) -> str:
    """Return which worker renews a credential's token."""
    return f"{credential(name)}:lock"


def web_session(digest: str) -> str:
    """Return one sign-in to the web pages; `digest` is the hash of the id in its cookie."""
    return f"{PREFIX}:web:session:{digest}"


def web_attempts(digest: str) -> str:
    """Return the attempts to sign in from one address, which only a keyed digest stands for."""
    return f"{PREFIX}:web:attempts:{digest}"


WEB_SALT = f"{PREFIX}:web:salt"


def limiter(scope: str) -> str:
    """Return the state of one rate limit; `scope` is a digest, since several destinations may share it."""
    return f"{PREFIX}:{{limit:{scope}}}"


def door_answer(digest: str) -> str:
    """Return what the HTTP door answered to one idempotency key; `digest` names caller, destination and key."""
    return f"{PREFIX}:{{door:{digest}}}"


ALL = {
    REGISTRY: (
        "hash",
        "workers at start",
        "never",
        "destinations that exist, with the limits producers keep to",
    ),
    LEADER: ("string", "who leads", "3 s after its last renewal, 12 s in silence", "who looks for work and listens"),
    VACANCY: ("list", "who leads", "after 10 s", "a message to the others that the leader has resigned"),
    CALLS: ("zset", "who leads", "when the task begins, or 15 s", "deliver tasks that were called and have not begun"),
    SWEPT: ("string", "who leads", "after a minute", "when the house was last swept"),
    WORKERS: (
        "zset",
        "workers",
        "an hour after the last sign of life",
        "which workers there are, by last sign",
    ),
    AUDIT: ("stream", "commands", "at 10,000 entries", "who replayed, edited, paused, discarded what"),
    ACCESS: ("hash", "commands", "with the token", "access tokens: scopes, times, a SHA-256 of the secret"),
    PEOPLE_KEY: (
        "string",
        "workers, commands",
        "never",
        "key of the indexes of people, where `TIKTOK_EVENTS_INDEX_KEY` is not set",
    ),
    inbox("D"): ("stream", "producers", "when its events are settled", "events as they came"),
    bulk("D"): ("stream", "producers", "when its events are settled", "packs of many events, by `enqueue_many`"),
    bulk_size("D"): ("string", "producers, workers", "with the last pack", "how many events are in the packs"),
    Keys("D").retry: ("stream", "workers", "when its events are settled", "events whose next attempt is due"),
    Keys("D").replay: (
        "stream",
        "commands",
        "when its events are settled",
        "replayed dead letters, served last",
    ),
    Keys("D").due: ("zset", "workers", "when promoted", "when each scheduled event is tried again"),
    Keys("D").scheduled: ("hash", "workers", "when promoted", "the scheduled events themselves"),
    Keys("D").dead: ("zset", "workers", "`dead_letters.max_age`", "dead letters by time"),
    Keys("D").dead_meta: ("hash", "workers", "with the dead letter", "what is known of each dead letter"),
    Keys("D").dead_events: (
        "hash",
        "workers",
        "with the dead letter",
        "the event of each dead letter, as it came",
    ),
    Keys("D").dead_revisions: (
        "hash",
        "commands",
        "with the dead letter",
        "edited events beside their originals",
    ),
    Keys("D").people: (
        "zset",
        "workers, commands",
        "each entry within minutes of its event",
        "blind index: keyed digests of people, with refs of scheduled events and dead letters",
    ),
    Keys("D").facets: ("set", "workers", "with the last dead letter", "which indexes below hold something"),
    Keys("D").facet("KIND", "VALUE"): (
        "zset",
        "workers",
        "with the dead letter",
        "dead letters by reason, code, event",
    ),
    f"{Keys('D').of('told')}:REASON:CODE": (
        "string",
        "workers with Sentry",
        "after ten minutes",
        "that Sentry was just told of dead letters of this kind",
    ),
    Keys("D").state: ("hash", "workers, commands", "never", "pause with its reason; blocked until"),
    Keys("D").breaker: ("hash", "workers", "an hour after the last request", "the circuit breaker"),
    Keys("D").slices: ("zset", "workers", "15 s after the last renewal", "leases of running deliver tasks"),
    Keys("D").totals: ("hash", "workers", "never", "counters since the beginning"),
    f"{Keys('D').of('minute')}:N": (
        "hash",
        "workers",
        "after two hours",
        "the same counters by minute, how long events took, what waited",
    ),
    f"{Keys('D').of('ledger')}:N": (
        "set",
        "workers",
        "`ledger` after its day",
        "digests of delivered event ids",
    ),
    Keys("D").order("DIGEST"): (
        "hash",
        "workers",
        "`order_sync.remember` after its last update",
        "one order: newest time delivered, updates under way, lease of the one being sent",
    ),
    Keys("D").event_set: ("string", "workers", "never", "id of the event set that `event_set` names"),
    Keys("D").event_set_lock: ("string", "workers", "after the look, or 60 s", "which worker looks it up or makes it"),
    Keys("D").order_refs: (
        "hash",
        "workers",
        "each entry with its update; all `order_sync.remember` after the last",
        "which order each update under way is of",
    ),
    Keys("D").intake: (
        "string",
        "workers",
        "after each claim, or `take_back_after` when its worker died",
        "which worker claims updates of orders",
    ),
    Keys("D").jobs: ("zset", "commands", "after 30 days", "replay jobs by start"),
    Keys("D").job("N"): ("hash", "commands", "after 30 days", "one replay job: filter, progress, counts"),
    credential("C"): (
        "hash",
        "workers",
        "never",
        "access and refresh token of a refreshing credential, sealed where there are keys",
    ),
    credential_lock("C"): ("string", "workers", "after each renewal, or 40 s", "which worker renews its token"),
    f"{Keys('D').job('N')}:lease": ("string", "who runs the job", "10 s after its last step", "who runs a replay job"),
    woken("D"): ("string", "producers with `wake=True`", "after a second", "that a wake-up was just sent"),
    door_answer("DIGEST"): (
        "hash",
        "the HTTP door",
        "after 24 hours; a request under way after 60 s",
        "answer to an `Idempotency-Key`: state, digest of the body, ids",
    ),
    web_session("DIGEST"): (
        "hash",
        "web",
        "after an hour without use, twelve hours, or at sign-out",
        "one sign-in: id of its token, CSRF token, start",
    ),
    web_attempts("DIGEST"): ("string", "web", "after 5 minutes", "attempts to sign in from one address, and in all"),
    WEB_SALT: ("string", "web", "after a day", "key of the digests above"),
    limiter("DIGEST"): ("hash", "workers", "two days after the last request", "one shared rate limit"),
}
"""Every key there is: its type, who writes it, when it ends, what it holds. `D` is a destination, `C` a credential."""
