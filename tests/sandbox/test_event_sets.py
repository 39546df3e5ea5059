"""How are event sets managed in the sandbox?"""

import json

import pytest

OWNER = "7000000000000000001"


def create(client, name="Stores", **more):
    return client.post("offline/create/", {"advertiser_id": OWNER, "name": name, **more}).json()["data"]["event_set_id"]


def listed(client, **query):
    answer = client.get("offline/get/", params={"advertiser_id": OWNER, **query}).json()
    return [event_set["event_set_id"] for event_set in answer["data"]["event_set_list"]]


def test_a_created_set_has_a_long_id_of_text_and_all_its_members(client):
    event_set_id = create(client, description="d", auto_tracking=True)
    assert len(event_set_id) == 19
    (found,) = client.get("offline/get/", params={"advertiser_id": OWNER}).json()["data"]["event_set_list"]
    assert found.pop("create_time") == found.pop("update_time")
    assert found == {
        "advertiser_id": OWNER,
        "event_set_id": event_set_id,
        "name": "Stores",
        "description": "d",
        "auto_tracking": True,
    }


def test_names_may_repeat_and_are_listed_by_ids_and_exact_name(client):
    first, second, other = create(client), create(client), create(client, "Phone")
    assert listed(client, name="Stores") == [first, second]
    assert listed(client, event_set_ids=json.dumps([second, other])) == [second, other]
    assert client.get("offline/get/", params={"advertiser_id": "1"}).json()["data"]["event_set_list"] == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, 40002),
        ({"advertiser_id": OWNER, "event_set_ids": "1,2"}, 40002),
        ({"advertiser_id": OWNER, "event_set_ids": "[1]"}, 40002),
        ({"advertiser_id": OWNER, "event_set_ids": json.dumps(["1"] * 51)}, 40011),
    ],
)
def test_a_listing_that_cannot_be_understood_is_refused(client, query, code):
    assert client.get("offline/get/", params=query).json()["code"] == code


def test_an_update_changes_only_what_it_names(client):
    event_set_id = create(client, description="d")
    client.sandbox.advance(60)
    body = {"advertiser_id": OWNER, "event_set_id": event_set_id, "name": "New"}
    data = client.post("offline/update/", body).json()["data"]
    assert (data["name"], data["description"]) == ("New", "d")
    assert data["update_time"] > data["create_time"]


@pytest.mark.parametrize("path", ["offline/update/", "offline/delete/"])
def test_an_unknown_set_is_40007_also_one_of_somebody_else(client, path):
    event_set_id = create(client)
    for body in (
        {"advertiser_id": OWNER, "event_set_id": "1"},
        {"advertiser_id": "2", "event_set_id": event_set_id},
    ):
        assert client.post(path, body).json()["code"] == 40007


def test_a_deleted_set_is_gone(client):
    event_set_id = create(client)
    body = {"advertiser_id": OWNER, "event_set_id": event_set_id}
    assert client.post("offline/delete/", body).json()["data"] == {}
    assert client.post("offline/delete/", body).json()["code"] == 40007


def test_crm_sets_stand_apart_from_offline_ones(client):
    made = client.post("crm/create/", {"advertiser_id": OWNER, "name": "CRM"}).json()["data"]["event_set_id"]
    found = client.get("crm/list/", params={"advertiser_id": OWNER}).json()["data"]["crm_event_sets"]
    assert [event_set["event_set_id"] for event_set in found] == [made]
    assert listed(client) == []
