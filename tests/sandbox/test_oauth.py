"""How does the sandbox hand out tokens?"""

import pytest

GRANT = {"app_id": "1", "secret": "s", "auth_code": "c-1"}
RENEWAL = {
    "client_id": "1",
    "client_secret": "s",
    "grant_type": "refresh_token",
    "refresh_token": "r-1",
}
PATH = "tt_user/oauth2/refresh_token/"


def test_an_auth_code_works_once_and_its_token_is_known(start):
    client = start(script={"tokens": {}})
    data = client.post("oauth2/access_token/", GRANT, token=None).json()["data"]
    assert client.get("user/info/", token=data["access_token"]).json()["code"] == 0
    assert all(isinstance(advertiser, str) for advertiser in data["advertiser_ids"])
    assert client.post("oauth2/access_token/", GRANT, token=None).json()["code"] == 40110


@pytest.mark.parametrize("name", ["app_id", "secret", "auth_code"])
def test_a_grant_needs_every_field(client, name):
    body = {key: value for key, value in GRANT.items() if key != name}
    answer = client.post("oauth2/access_token/", body, token=None).json()
    assert answer["message"] == f"Missing required field(s): {name}."


def test_a_refresh_token_rotates_and_the_old_one_is_40107(client):
    first = client.post(PATH, RENEWAL, token=None).json()["data"]
    assert (first["expires_in"], first["token_type"]) == (86_400, "Bearer")
    assert client.post(PATH, RENEWAL, token=None).json()["code"] == 40107
    following = {**RENEWAL, "refresh_token": first["refresh_token"]}
    assert client.post(PATH, following, token=None).json()["code"] == 0


def test_a_renewed_access_token_lives_for_a_day_of_the_clock(start):
    client = start(script={"tokens": {}})
    token = client.post(PATH, RENEWAL, token=None).json()["data"]["access_token"]
    client.sandbox.advance(86_000)
    assert client.get("user/info/", token=token).json()["code"] == 0
    client.sandbox.advance(401)
    assert client.get("user/info/", token=token).json()["code"] == 40102


def test_a_refresh_token_is_too_old_after_a_year(client):
    data = client.post(PATH, RENEWAL, token=None).json()["data"]
    client.sandbox.advance(31_536_001)
    following = {**RENEWAL, "refresh_token": data["refresh_token"]}
    assert client.post(PATH, following, token=None).json()["code"] == 40103


def test_a_long_term_token_cannot_be_refreshed(client):
    token = client.post("oauth2/access_token/", GRANT, token=None).json()["data"]["access_token"]
    assert client.post(PATH, {**RENEWAL, "refresh_token": token}, token=None).json()["code"] == 40107


def test_another_grant_type_is_40108(client):
    assert client.post(PATH, {**RENEWAL, "grant_type": "password"}, token=None).json()["code"] == 40108
