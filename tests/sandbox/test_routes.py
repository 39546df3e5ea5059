"""Which requests does the sandbox route, and which headers does it ask for?"""

import pytest


@pytest.mark.parametrize(
    "path", ["event/track", "user/info", "event/tracks/", "/open_api/v1.2/event/track/", "/event/track/", "/"]
)
def test_a_path_that_is_not_exactly_a_route_is_a_plain_404(client, path):
    answer = client.post(path, {})
    assert (answer.status_code, answer.text) == (404, "404 page not found")
    assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_wrong_method_is_no_envelope(client):
    assert client.get("event/track/").status_code == 405
    assert client.post("user/info/", {}).status_code == 405


def test_an_accepted_batch_answers_the_documented_envelope(client, event):
    answer = client.track(event())
    request_id = answer.pop("request_id")
    assert answer == {"code": 0, "message": "OK", "data": {}}
    assert client.sandbox.requests[-1]["request_id"] == request_id


def test_every_answer_has_its_own_request_id_and_log_id(client, event):
    body = {"event_source": "offline", "event_source_id": "s", "data": [event()]}
    answers = [client.post("event/track/", body), client.post("event/track/", {}), client.get("user/info/")]
    assert len({answer.json()["request_id"] for answer in answers}) == 3
    assert all(answer.headers["X-TT-LOGID"] == answer.json()["request_id"] for answer in answers)
    assert not any("Retry-After" in answer.headers for answer in answers)


@pytest.mark.parametrize("status", [200, 401, 403])
def test_the_http_status_of_auth_errors_is_a_knob(start, status):
    client = start(script={"settings": {"auth_http_status": status}})
    answer = client.get("user/info/", token=None)
    assert (answer.status_code, answer.json()["code"]) == (status, 40104)


def test_the_http_status_of_refusals_is_a_knob(start):
    client = start(script={"settings": {"refusal_http_status": 400}})
    answer = client.post("event/track/", {})
    assert (answer.status_code, answer.json()["code"]) == (400, 40002)


@pytest.mark.parametrize("token", [None, ""])
def test_a_missing_token_is_40104_in_the_documented_words(client, token):
    answer = client.get("user/info/", token=token).json()
    assert answer["code"] == 40104
    assert answer["message"] == ("Access token is null, you should set it in http header with key Access-Token.")


def test_the_token_is_read_from_the_header_only(client):
    assert client.get("user/info/?access_token=token-1", token=None).json()["code"] == 40104
    bearer = client.get("user/info/", token=None, headers={"Authorization": "Bearer token-1"})
    assert bearer.json()["code"] == 40104


def test_the_token_is_checked_before_the_body(client):
    assert client.request("POST", "event/track/", token=None, data=b"{").json()["code"] == 40104


@pytest.mark.parametrize(
    ("token", "source_id", "code"),
    [
        ("good", "set-1", 0),
        ("good", "set-2", 40001),
        ("everywhere", "set-2", 0),
        ("expired", "set-1", 40102),
        ("revoked", "set-1", 40105),
        ("unknown", "set-1", 40105),
    ],
)
def test_configured_tokens_decide_who_may_send_where(start, event, token, source_id, code):
    tokens = {
        "good": {"sources": ["set-1"]},
        "everywhere": {"sources": "*"},
        "expired": {"state": "expired"},
        "revoked": {"state": "revoked"},
    }
    client = start(script={"tokens": tokens})
    body = {"event_source": "offline", "event_source_id": source_id, "data": [event()]}
    answer = client.post("event/track/", body, token=token).json()
    assert answer["code"] == code
    if code == 40001:
        assert answer["message"].startswith("No permission to operate pixel code: set-2. You must")
    assert client.sandbox.stats["accepted_events"] == (1 if code == 0 else 0)


def test_without_configured_tokens_any_token_passes_until_some_are_set(client):
    assert client.get("user/info/").json()["code"] == 0
    client.sandbox.configure_tokens({"other": {}})
    assert client.get("user/info/").json()["code"] == 40105
    client.sandbox.configure_tokens(None)
    assert client.get("user/info/").json()["code"] == 0


def test_unknown_event_sources_are_40007_where_a_set_is_configured(start, event):
    client = start(script={"settings": {"event_source_ids": ["set-1"]}})
    assert client.track(event())["code"] == 0
    assert client.track(event(), source_id="set-2")["code"] == 40007
    made = client.post("offline/create/", {"advertiser_id": "a", "name": "n"}).json()["data"]["event_set_id"]
    assert client.track(event(), source_id=made)["code"] == 0


def test_a_token_never_shows_in_the_report(client):
    client.get("user/info/", headers={"Authorization": "Bearer secret-2"})
    recorded = str(client.sandbox.requests)
    assert "token-1" not in recorded
    assert "secret-2" not in recorded
    assert len(client.sandbox.requests[0]["token"]) == 12


def test_the_reachable_advertisers_need_app_id_and_secret(client):
    assert client.get("oauth2/advertiser/get/").json()["message"] == "Missing required field(s): app_id."
    data = client.get("oauth2/advertiser/get/?app_id=1&secret=2").json()["data"]
    assert all(isinstance(advertiser["advertiser_id"], str) for advertiser in data["list"])
