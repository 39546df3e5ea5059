"""Which bodies of event/track/ does the sandbox refuse, and in which words?"""

import hashlib

import pytest

SHA = hashlib.sha256(b"+12133734253").hexdigest()
BLANK_SHA = hashlib.sha256(b"").hexdigest()


def refusal(client, *events, **root):
    answer = client.track(*events, **root)
    assert client.sandbox.stats["accepted_events"] == 0
    return answer["code"], answer["message"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "Invalid value for the request body: not valid JSON."),
        (b'{"a":', "Invalid value for the request body: not valid JSON."),
        (b'{"a": NaN}', "Invalid value for the request body: not valid JSON."),
        (b"\xff\xfe", "Invalid value for the request body: not valid JSON."),
        (b"[" * 100_000, "Invalid value for the request body: not valid JSON."),
        (b"[]", "Invalid value for the request body: not a valid object."),
        (b"{}", "Missing required field(s): event_source."),
        (b'{"event_source": "offline"}', "Missing required field(s): event_source_id."),
        (b'{"event_source": "offline", "event_source_id": "1"}', "Missing required field(s): data."),
    ],
)
def test_a_body_that_cannot_be_read_is_40002(client, body, message):
    answer = client.request("POST", "event/track/", data=body, headers={"Content-Type": "application/json"})
    assert (answer.json()["code"], answer.json()["message"]) == (40002, message)


def test_a_body_must_be_announced_as_json(client):
    answer = client.request("POST", "event/track/", data=b"{}", headers={"Content-Type": "text/plain"})
    assert answer.json()["code"] == 40002
    assert "Content-Type" in answer.json()["message"]


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ({"event_source": "shop"}, "Invalid value for event_source: not a supported event source."),
        ({"event_source": 1}, "Invalid value for event_source: not a valid string."),
        ({"event_source_id": 7654321098765432109}, "Invalid value for event_source_id: not a valid string."),
        ({"event_source_id": " "}, "Invalid value for event_source_id: may not be blank."),
        ({"data": {}}, "Invalid value for data: not a valid list."),
        ({"data": []}, "Invalid value for data: may not be blank."),
        ({"test_event_code": None}, "Invalid value for test_event_code: not a valid string."),
        ({"partner_name": 5}, "Invalid value for partner_name: not a valid string."),
    ],
)
def test_the_root_keeps_its_rules(client, event, root, message):
    assert refusal(client, event(), **root) == (40002, message)


def test_one_thousand_events_pass_and_one_more_refuses_the_whole_request(client, event):
    events = [event(f"e-{number}") for number in range(1001)]
    assert refusal(client, *events)[0] == 40002
    assert client.track(*events[:1000])["code"] == 0
    assert client.sandbox.stats["accepted_events"] == 1000


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"event": None}, "Missing required field(s): data.1.event."),
        ({"event": ["Purchase"]}, "Invalid value for data.1.event: not a valid string."),
        ({"event": "purchase"}, "Invalid value for data.1.event: not a supported standard event."),
        ({"event": "Pageview"}, "Invalid value for data.1.event: not a supported standard event."),
        ({"event_time": None}, "Missing required field(s): data.1.event_time."),
        ({"event_time": "1684574395"}, "Invalid value for data.1.event_time: not a valid integer."),
        ({"event_time": 1684574395.0}, "Invalid value for data.1.event_time: not a valid integer."),
        ({"event_time": True}, "Invalid value for data.1.event_time: not a valid integer."),
        (
            {"event_time": 1684574395000},
            "Invalid value for data.1.event_time: not a valid Unix timestamp in seconds.",
        ),
        ({"event_time": -1}, "Invalid value for data.1.event_time: not a valid Unix timestamp in seconds."),
        ({"event_id": 17}, "Invalid value for data.1.event_id: not a valid string."),
        ({"event_id": ""}, "Invalid value for data.1.event_id: may not be blank."),
        ({"user": []}, "Invalid value for data.1.user: not a valid object."),
        ({"user": {"ip": 1}}, "Invalid value for data.1.user.ip: not a valid string."),
        ({"user": {"ttclid": None}}, "Invalid value for data.1.user.ttclid: not a valid string."),
        (
            {"user": {"att_status": "YES"}},
            "Invalid value for data.1.user.att_status: not a supported tracking status.",
        ),
        ({"properties": "x"}, "Invalid value for data.1.properties: not a valid object."),
        (
            {"properties": {"order_id": 1}},
            "Invalid value for data.1.properties.order_id: not a valid string.",
        ),
        (
            {"properties": {"currency": "usd"}},
            "Invalid value for data.1.properties.currency: not a supported currency.",
        ),
        (
            {"properties": {"content_type": "sku"}},
            "Invalid value for data.1.properties.content_type: not a supported content type.",
        ),
        (
            {"properties": {"content_ids": ["a", 2]}},
            "Invalid value for data.1.properties.content_ids.1: not a valid string.",
        ),
        (
            {"properties": {"contents": {}}},
            "Invalid value for data.1.properties.contents: not a valid list.",
        ),
        (
            {"properties": {"contents": [{"quantity": 1}, {"quantity": "2"}]}},
            "Invalid value for data.1.properties.contents.1.quantity: not a valid integer.",
        ),
        (
            {"properties": {"contents": [{"quantity": True}]}},
            "Invalid value for data.1.properties.contents.0.quantity: not a valid integer.",
        ),
        (
            {"properties": {"contents": [{"content_id": 1077218}]}},
            "Invalid value for data.1.properties.contents.0.content_id: not a valid string.",
        ),
        ({"limited_data_use": "true"}, "Invalid value for data.1.limited_data_use: not a valid boolean."),
        (
            {"ad": {"attribution_share": 1.5}},
            "Invalid value for data.1.ad.attribution_share: not between 0 and 1.",
        ),
        (
            {"test_event_code": "TEST1"},
            "Invalid value for data.1.test_event_code: allowed at the root of the body only.",
        ),
    ],
)
def test_an_event_with_a_wrong_field_refuses_the_whole_batch_with_its_place(client, event, changes, message):
    assert refusal(client, event("e-0"), event(**changes), event("e-2")) == (40002, message)


def test_an_event_that_is_no_object_is_named(client, event):
    assert refusal(client, event(), 5) == (40002, "Invalid value for data.1: not a valid object.")
    client.sandbox.configure(index_form="none")
    assert refusal(client, event(), 5) == (40002, "Invalid value for the event: not a valid object.")


@pytest.mark.parametrize(
    "properties",
    [{"value": "46.00"}, {"value": None}, {"value": True}, {"contents": [{"price": "8"}]}],
)
def test_a_price_that_is_no_number_is_40000_without_a_place(client, event, properties):
    assert refusal(client, event(properties=properties)) == (40000, "Invalid Price Field")


@pytest.mark.parametrize("name", ["email", "phone", "external_id"])
@pytest.mark.parametrize(
    ("value", "rule"),
    [
        ("alice@example.test", "not a lowercase hexadecimal SHA-256"),
        (SHA.upper(), "not a lowercase hexadecimal SHA-256"),
        (SHA + "\n", "not a lowercase hexadecimal SHA-256"),
        ("", "not a lowercase hexadecimal SHA-256"),
        (BLANK_SHA, "the SHA-256 of an empty value"),
        (None, "not a valid string"),
        (12133734253, "not a valid string"),
        ([], "may not be blank"),
    ],
)
def test_an_identifier_that_is_not_hashed_well_is_refused(client, event, name, value, rule):
    message = refusal(client, event(user={name: value}))[1]
    assert message == f"Invalid value for data.0.user.{name}: {rule}."


def test_a_bad_identifier_in_a_list_is_named_and_never_shown(client, event):
    message = refusal(client, event(user={"phone": [SHA, "+12133734253"]}))[1]
    assert message == "Invalid value for data.0.user.phone.1: not a lowercase hexadecimal SHA-256."


@pytest.mark.parametrize("value", [SHA, [SHA], [SHA, SHA]])
def test_identifiers_may_be_one_hash_or_several(client, event, value):
    assert client.track(event(user={"email": value, "phone": value, "external_id": value}))["code"] == 0


def test_the_hash_check_is_a_knob_and_what_it_lets_pass_is_counted(start, event):
    client = start(script={"settings": {"strict_hashes": False}})
    assert client.track(event(user={"email": "alice@example.test", "phone": [SHA, SHA.upper()]}))["code"] == 0
    assert client.sandbox.stats["unhashed_identifiers"] == 2
    assert client.track(event(user={"email": 5}))["code"] == 40002


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("documented", "Invalid value for data.1.event_id: not a valid string."),
        ("data.N.", "Invalid value for data.1.event_id: not a valid string."),
        ("Batch.N.", "Batch.1.event_id: Not a valid string"),
        ("data[N].", "Invalid value for data[1].event_id: not a valid string."),
        ("none", "Invalid value for event_id: not a valid string."),
        ("out_of_range", "Invalid value for data.3.event_id: not a valid string."),
    ],
)
def test_the_form_of_the_place_in_a_message_is_a_knob(start, event, form, message):
    client = start(script={"settings": {"index_form": form}})
    assert client.track(event(), event(event_id=5))["message"] == message


@pytest.mark.parametrize(
    ("source", "own", "missing"),
    [
        ("web", {"page": {"url": "https://shop.example/"}}, "page"),
        ("app", {"app": {"app_id": "1"}}, "app"),
        ("crm", {"lead": {"lead_id": "l-1"}}, "lead"),
    ],
)
def test_each_event_source_asks_for_its_own_object(client, event, source, own, missing):
    assert refusal(client, event(), source=source)[1] == f"Missing required field(s): data.0.{missing}."
    ((name, members),) = own.items()
    (required,) = members
    message = refusal(client, event(**{name: {}}), source=source)[1]
    assert message == f"Missing required field(s): data.0.{name}.{required}."
    assert client.track(event(**own, event="Any custom name"), source=source)["code"] == 0


def test_app_events_may_be_for_the_allow_list_only(start, event):
    client = start(script={"settings": {"app_events_allowed": False}})
    assert client.track(event(app={"app_id": "1"}), source="app")["code"] == 40118


@pytest.mark.parametrize("name", ["Purchase", "Lead", "CompletePayment", "SubmitForm", "PlaceAnOrder"])
def test_offline_takes_standard_names_old_and_new(client, event, name):
    assert client.track(event(event=name))["code"] == 0


def test_unknown_keys_and_missing_match_keys_are_accepted_as_tiktok_does(client, event):
    odd = event(user={"e_mail": "x", "emial": 1}, properties={"custom": {"a": [1]}}, something=None)
    assert client.track(odd, unknown=True)["code"] == 0
