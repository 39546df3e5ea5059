"""Who may see and do what: the rules of sign-in, scopes, hosts, proxies and forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from worker import audit
from worker.access import AccessTokens
from worker.keys import Keys
from worker.pauses import Pauses
from worker.web import TrustedProxy

PAGES = ["/", "/destinations/stores", "/overview.json", "/destinations/stores.json", "/audit"]


@pytest.fixture
def token(redis: redis_py.Redis) -> Callable[..., str]:
    return lambda name, *scopes: AccessTokens(redis).create(name, scopes).text


def signed_in(visit: Any, token: str, **form: str) -> Any:
    visit.get("/sign-in")
    answer = visit.post("/sign-in", {"token": token, **form})
    if answer.status_code == 303:
        visit.get("/")
    return answer


@pytest.mark.parametrize("page", PAGES)
def test_without_any_token_this_machine_needs_no_sign_in(visit: Any, page: str) -> None:
    assert visit.get(page).status_code == 200


def test_a_page_says_that_nobody_has_to_sign_in(visit: Any) -> None:
    assert "Nobody has to sign in" in visit.get("/").text


@pytest.mark.parametrize("page", PAGES)
def test_with_a_token_everybody_signs_in(visit: Any, token: Any, page: str) -> None:
    token("anna", "read")
    answer = visit.get(page)
    assert answer.status_code == 302
    assert answer.location.startswith("/sign-in?next=")


def test_a_machine_is_told_that_it_must_sign_in(visit: Any, token: Any) -> None:
    token("anna", "read")
    assert visit.get("/overview.json", Accept="*/*").status_code == 401


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_comes_through_an_unknown_proxy_is_not_from_this_machine(visit: Any, header: str) -> None:
    assert visit.get("/", **{header: "for=203.0.113.9"}).status_code == 302


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "10.0.0.5", ""])
def test_on_loopback_a_rebound_name_is_refused(make_app: Any, make_visit: Any, host: str) -> None:
    assert make_visit(make_app()).get("/", Host=host).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "cockpit.example"])
def test_on_loopback_own_names_are_taken(make_app: Any, make_visit: Any, host: str) -> None:
    app = make_app(allowed_hosts=frozenset({"cockpit.example"}))
    assert make_visit(app).get("/", Host=host).status_code == 200


def test_signing_in_and_out(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    text = token("anna", "read")
    answer = signed_in(visit, text, next="/audit")
    assert (answer.status_code, answer.location) == (303, "/audit")
    assert visit.get("/").status_code == 200
    assert [each["by"] for each in audit.read(redis, limit=1)] == ["anna"]
    cookie = visit.client.get_cookie("te_session", domain="localhost").value
    assert visit.post("/sign-out").status_code == 303
    assert visit.get("/").status_code == 302
    visit.client.set_cookie("te_session", cookie, domain="localhost")
    assert visit.get("/").status_code == 302, "a session that was ended stays ended, whoever kept its cookie"


def test_redis_holds_neither_the_token_nor_the_sessions_id(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    text = token("anna", "read")
    signed_in(visit, text)
    secrets = [text.rpartition("_")[2], visit.client.get_cookie("te_session", domain="localhost").value]
    for key in redis.scan_iter("*"):
        told = [key, redis.dump(key) or b""]
        assert not any(secret.encode() in each for secret in secrets for each in told), key


@pytest.mark.parametrize("kind", ["nothing", "wrong secret", "enqueue only", "revoked"])
def test_no_session_without_a_token_that_may_read(visit: Any, token: Any, redis: redis_py.Redis, kind: str) -> None:
    text = token("anna", "enqueue" if kind == "enqueue only" else "read")
    if kind == "revoked":
        known = AccessTokens(redis)
        known.revoke(known.all()[0])
        token("other", "read")
    shown = {"nothing": "", "wrong secret": text[:-4] + "0000"}.get(kind, text)
    assert signed_in(visit, shown).status_code == 401
    assert visit.get("/").status_code == 302


def test_a_session_ends_with_its_token(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    signed_in(visit, token("anna", "read"))
    token("other", "read")
    known = AccessTokens(redis)
    known.revoke(next(each for each in known.all() if each.name == "anna"))
    assert visit.get("/").status_code == 302


class Clock:
    now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


def test_a_session_ends_with_age_however_much_it_is_used(make_app: Any, make_visit: Any, token: Any) -> None:
    clock = Clock()
    visit = make_visit(make_app(clock=clock, session_seconds=7200))
    signed_in(visit, token("anna", "read"))
    for _ in range(3):
        clock.now += 2000
        assert visit.get("/").status_code == 200
    clock.now += 2000
    assert visit.get("/").status_code == 302


def test_a_session_ends_when_it_is_idle(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    signed_in(visit, token("anna", "read"))
    (key,) = redis.scan_iter("tiktok-events:web:session:*")
    assert 3500 < redis.ttl(key) <= 3600
    redis.expire(key, 10)
    visit.get("/")
    assert 3500 < redis.ttl(key) <= 3600


def test_the_sessions_cookie_is_kept_from_scripts_and_other_sites(visit: Any, token: Any) -> None:
    told = signed_in(visit, token("anna", "read")).headers.getlist("Set-Cookie")
    (cookie,) = [each for each in told if each.startswith("te_session=")]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(("address", "secure"), [("10.0.0.5", True), ("192.0.2.9", False)])
def test_behind_the_proxys_https_cookies_are_secure_and_bound_to_their_host(
    make_app: Any, make_visit: Any, token: Any, address: str, secure: bool
) -> None:
    app = make_app(host="0.0.0.0", proxy=TrustedProxy.of(["10.0.0.0/8"], user_header=None, scopes=["read"]))
    answer = make_visit(app, address=address).get("/sign-in", X_Forwarded_Proto="https")
    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert cookie.startswith("__Host-te_csrf=" if secure else "te_csrf=")
    assert ("Secure" in cookie) == secure
    assert ("Strict-Transport-Security" in answer.headers) == secure


def test_sign_in_is_rate_limited_by_address(make_app: Any, make_visit: Any, token: Any) -> None:
    text, app = token("anna", "read"), make_app()
    visit, other = make_visit(app), make_visit(app, address="127.0.0.2")
    visit.get("/sign-in")
    for _ in range(10):
        assert visit.post("/sign-in", {"token": "tte_no"}).status_code == 401
    refused = visit.post("/sign-in", {"token": text})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 300
    assert signed_in(other, text).status_code == 303


def test_sign_in_is_rate_limited_in_all(make_app: Any, make_visit: Any, token: Any, redis: redis_py.Redis) -> None:
    text = token("anna", "read")
    visit = make_visit(make_app())
    redis.set("tiktok-events:web:attempts:all", 1000, ex=300)
    assert signed_in(visit, text).status_code == 429


def test_no_address_stands_in_redis(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    signed_in(visit, token("anna", "read"))
    visit.post("/sign-in", {"token": "wrong"})
    assert not [key for key in redis.scan_iter("*") if b"127.0.0.1" in key]


@pytest.mark.parametrize(
    ("scopes", "allowed"), [(("read",), False), (("reveal", "read"), False), (("read", "operate"), True)]
)
def test_an_action_needs_the_scope_operate(
    visit: Any, token: Any, redis: redis_py.Redis, scopes: tuple[str, ...], allowed: bool
) -> None:
    signed_in(visit, token("anna", *scopes))
    answer = visit.post("/destinations/stores/pause", {"reason": "why not"})
    assert answer.status_code == (303 if allowed else 403)
    assert (Pauses(redis, Keys("stores")).current() is not None) == allowed


def test_who_may_only_read_is_shown_no_actions(visit: Any, token: Any) -> None:
    signed_in(visit, token("anna", "read"))
    assert "Pause" not in visit.get("/").text


def test_a_bearer_token_reads_figures_and_needs_no_form(visit: Any, token: Any, redis: redis_py.Redis) -> None:
    bearer = {"Authorization": f"Bearer {token('grafana', 'read', 'operate')}", "Accept": "*/*"}
    assert visit.get("/overview.json", **bearer).json["destinations"][0]["name"] == "stores"
    assert visit.client.post("/destinations/stores/pause", headers=bearer, base_url=visit.base).status_code == 303
    assert audit.read(redis, limit=1)[0]["by"] == "grafana"


def test_a_wrong_bearer_token_is_nobody_even_where_no_sign_in_is_needed(visit: Any) -> None:
    assert visit.get("/overview.json", Authorization="Bearer tte_x", Accept="*/*").status_code == 401


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({"csrf_token": ""}, {}),
        ({"csrf_token": "made-up"}, {}),
        ({"csrf_token": "é"}, {}),
        ({}, {"Origin": "http://evil.example"}),
        ({}, {"Origin": "null"}),
        ({}, {"Origin": "http://localhost:9000"}),
        ({}, {"Sec_Fetch_Site": "cross-site"}),
        ({}, {"Sec_Fetch_Site": "same-site"}),
    ],
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_form_from_elsewhere_does_nothing(
    visit: Any, token: Any, redis: redis_py.Redis, form: Any, headers: Any, signed: bool
) -> None:
    if signed:
        signed_in(visit, token("anna", "read", "operate"))
    visit.get("/")
    assert visit.post("/destinations/stores/pause", form, **headers).status_code == 403
    assert Pauses(redis, Keys("stores")).current() is None


def test_our_own_form_does_what_it_says(visit: Any, redis: redis_py.Redis) -> None:
    visit.get("/")
    headers = {"Origin": "http://localhost:8000", "Sec_Fetch_Site": "same-origin"}
    assert visit.post("/destinations/stores/pause", {"reason": "x"}, **headers).status_code == 303
    told = audit.read(redis, limit=1)[0]
    assert (told["action"], told["details"], told["by"]) == ("pause", {"reason": "x"}, f"{audit.who()} by web")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "evil.example",
        "http:/evil.example",
        "http:///evil.example",
        "",
    ],
)
def test_nobody_is_sent_elsewhere(visit: Any, token: Any, target: str) -> None:
    assert signed_in(visit, token("anna", "read"), next=target).location == "/"
    assert visit.post("/appearance", {"theme": "dark", "next": target}).location == "/"


@pytest.mark.parametrize("page", [*PAGES, "/sign-in", "/nothing", "/healthz"])
def test_every_answer_carries_the_headers_that_bind_a_browser(visit: Any, page: str) -> None:
    headers = visit.get(page).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"
    assert "Server" not in headers


@pytest.mark.parametrize("page", [*PAGES, "/sign-in", "/nothing"])
def test_no_page_holds_script_or_style_of_its_own(visit: Any, page: str) -> None:
    text = visit.get(page).text
    assert "<script>" not in text
    assert "<style" not in text
    assert " style=" not in text
    assert " onclick=" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_a_view_that_names_no_scope_answers_nobody(make_app: Any, make_visit: Any) -> None:
    app = make_app()
    app.add_url_rule("/forgotten", "forgotten", lambda: "secrets")
    assert make_visit(app).get("/forgotten").status_code == 403


PROXY = {"user_header": "X-Forwarded-User", "scopes": ["read"]}


@pytest.mark.parametrize(
    ("address", "user", "status"),
    [
        ("10.0.0.5", "anna@shop", 200),
        ("10.0.0.5", "", 302),
        ("10.0.0.5", "x" * 201, 302),
        ("192.0.2.9", "anna@shop", 302),
        ("127.0.0.1", "anna@shop", 302),
    ],
)
def test_a_users_header_is_believed_from_the_trusted_proxy_only(
    make_app: Any, make_visit: Any, address: str, user: str, status: int
) -> None:
    app = make_app(host="0.0.0.0", proxy=TrustedProxy.of(["10.0.0.0/8"], **PROXY))
    assert make_visit(app, address=address).get("/", X_Forwarded_User=user).status_code == status


def test_what_the_proxys_users_may_do_is_a_setting(make_app: Any, make_visit: Any, redis: redis_py.Redis) -> None:
    for scopes, status in ((["read"], 403), (["read", "operate"], 303)):
        proxy = TrustedProxy.of(["10.0.0.0/8"], user_header="X-Forwarded-User", scopes=scopes)
        visit = make_visit(make_app(host="0.0.0.0", proxy=proxy), address="10.0.0.5")
        visit.get("/", X_Forwarded_User="anna")
        assert visit.post("/destinations/stores/pause", X_Forwarded_User="anna").status_code == status
    assert audit.read(redis, limit=1)[0]["by"] == "anna"


def test_attempts_are_counted_by_the_client_that_the_proxy_names(make_app: Any, make_visit: Any, token: Any) -> None:
    token("anna", "read")
    app = make_app(host="0.0.0.0", proxy=TrustedProxy.of(["10.0.0.0/8"], user_header=None, scopes=["read"]))
    visit = make_visit(app, address="10.0.0.5")
    visit.get("/sign-in")
    for number in range(11):
        # What a client writes into the header itself stands on the left and does not count.
        forged = f"198.51.100.{number}, 203.0.113.7, 10.0.0.6"
        answer = visit.post("/sign-in", {"token": "no"}, X_Forwarded_For=forged)
    assert answer.status_code == 429
    assert visit.post("/sign-in", {"token": "no"}, X_Forwarded_For="203.0.113.8").status_code == 401
