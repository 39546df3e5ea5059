"""Are all faults of the mapping settings found at once, each with its place and what was meant?"""

from __future__ import annotations

from typing import Any

import pytest

from schemas import Mapper, MappingSettings, Rule, SettingsError


def faults_of(**settings: Any) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Mapper(MappingSettings(**{"source": "segment", "event_source_id": "1", **settings}))
    assert caught.value.faults
    return {fault.path: fault.rule for fault in caught.value.faults}


@pytest.mark.covers(
    "segment/setting/event-set-id",
    "segment/mappings/limit",
    "commanders-act/setting/event-set-id",
    "amperity/setting/event-set-id",
)
@pytest.mark.parametrize(
    ("settings", "path", "rule"),
    [
        ({"source": "segmnt"}, "source", "did you mean segment?"),
        ({"source": "commanders_act"}, "mappings", "at least one mapping is required"),
        ({"kind": "order_sync"}, "kind", "must be events or offline"),
        ({"event_source": "Offline"}, "event_source", "did you mean offline?"),
        ({"event_names": "new"}, "event_names", "current, legacy"),
        ({"web_fields": "no"}, "web_fields", "send, drop"),
        ({"default_region": "UK"}, "default_region", "did you mean GB?"),
        ({"default_region": "USA"}, "default_region", "two letters"),
        ({"event_source_id": " "}, "event_source_id", "is required"),
        ({"event_source_id": "{{a"}, "event_source_id", "not paired"),
        ({"max_event_age_seconds": 0}, "max_event_age_seconds", "more than 0"),
        ({"max_future_seconds": -1}, "max_future_seconds", "negative"),
        ({"mappings": (Rule(event="Contact"),) * 51}, "mappings", "at most 50, are 51"),
        ({"mappings": (Rule(),)}, "mappings.0.event", "is required"),
        (
            {"mappings": (Rule(event="Contact", action="reportOfflineEvents"),)},
            "mappings.0.action",
            "did you mean reportOfflineEvent?",
        ),
        (
            {"source": "amperity", "mappings": (Rule(event="Contact", action="reportOfflineEvent"),)},
            "mappings.0.action",
            "is for source segment only",
        ),
        ({"mappings": (Rule(event="purchase"),)}, "mappings.0.event", "did you mean Purchase?"),
        ({"mappings": (Rule(event="Complete Payment"),)}, "mappings.0.event", "did you mean CompletePayment?"),
        ({"mappings": (Rule(event="Contact", when="a ="),)}, "mappings.0.when", "not a valid expression"),
        (
            {"mappings": (Rule(event="Contact", fields={"properties.orderid": "a"}),)},
            "mappings.0.fields.properties.orderid",
            "did you mean properties.order_id?",
        ),
        ({"mappings": (Rule(event="Contact", fields={"event": "a"}),)}, "mappings.0.fields.event", "not a field"),
        (
            {"mappings": (Rule(event="Contact", fields={"user.email": "f("}),)},
            "mappings.0.fields.user.email",
            "not a valid expression",
        ),
    ],
)
def test_each_fault_names_its_place(settings: dict[str, Any], path: str, rule: str) -> None:
    found = faults_of(**settings)
    assert list(found) == [path]
    assert rule in found[path]


def test_all_faults_come_together() -> None:
    rules = (Rule(event="Contact"), Rule(event="Nope", when="(", fields={"user.mail": "a", "user.phone": "("}))
    found = faults_of(event_source_id="{{", default_region="ZZ", mappings=rules)
    assert set(found) == {
        "event_source_id",
        "default_region",
        "mappings.1.event",
        "mappings.1.when",
        "mappings.1.fields.user.mail",
        "mappings.1.fields.user.phone",
    }


@pytest.mark.covers("segment/mappings/limit")
def test_fifty_mappings_are_allowed() -> None:
    Mapper(MappingSettings(source="segment", event_source_id="1", mappings=(Rule(event="Contact"),) * 50))


@pytest.mark.parametrize("event_source", ["crm", "web", "app"])
def test_custom_names_are_allowed_elsewhere_than_offline(event_source: Any) -> None:
    Mapper(
        MappingSettings(
            source="segment", event_source_id="1", event_source=event_source, mappings=(Rule(event="Qualified Lead"),)
        )
    )
