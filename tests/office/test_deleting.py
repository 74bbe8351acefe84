"""删除入库的数据: ordered by the authority, told to the data domain, gone when the airlock says so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from gongshu.office.accounts.permissions import Refused
from gongshu.office.catalogue import deleting, queries, services
from gongshu.office.link import clock
from gongshu.office.link.models import FeedItem, InboxMessage, OutboxEntry
from support import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def bus() -> Any:
    return people.organisation("公交集团")


@pytest.fixture
def stored(bus: Any) -> Any:
    """An item of the catalogue with two hand-ins; the office was told of both."""
    maker = people.acting(bus, "provider_officer")
    row = services.begin(actor=maker, now=clock.business_now(), typed={"name": "公交刷卡记录"})
    for number in (1, 2):
        body = {"id": row.id, "organisation": bus.id, "table": "trips", "subject": "", "rows": 3,
                "columns": {"线路": {"type": "VARCHAR", "grade": "L1"}}, "snapshot": f"s-{number}"}  # fmt: skip
        InboxMessage.objects.create(
            source="k", number=number, kind="resource", envelope={"zone": row.zone_id, "body": body},
            received=datetime.now(UTC),
        )  # fmt: skip
        assert services.take_facts(row.id, row.zone_id, body, datetime.now(UTC))
    row.refresh_from_db()
    return row


def test_only_the_authority_orders_and_every_snapshot_is_named(stored: Any, bus: Any) -> None:
    with pytest.raises(Refused) as caught:
        deleting.order(stored, actor=people.acting(bus, "provider_officer"), reason="不再留存")
    assert caught.value.code == "forbidden"
    authority = people.acting(None, "data_authority")
    with pytest.raises(Refused, match="为什么"):
        deleting.order(stored, actor=authority, reason=" ")
    assert not FeedItem.objects.filter(kind="delete").exists()
    assert deleting.order(stored, actor=authority, reason="不再留存") == ["s-1", "s-2"]
    told = [
        row["body"]
        for row in FeedItem.objects.filter(kind="delete").order_by("seq").values_list("envelope", flat=True)
    ]
    assert [one["snapshot"] for one in told] == ["s-1", "s-2"] and len({one["id"] for one in told}) == 2
    assert OutboxEntry.objects.filter(fields__act="catalogue.delete").count() == 1
    with pytest.raises(Refused, match="已经下达"):
        deleting.order(stored, actor=authority, reason="再删一次")
    assert queries.resource(stored.id).confirmed  # it is there until its provider has agreed


def test_the_resource_has_no_data_once_the_airlock_says_so(stored: Any, bus: Any) -> None:
    now, zone = datetime.now(UTC), stored.zone_id
    said = {"id": stored.id, "organisation": bus.id, "snapshot": "s-2"}
    assert not deleting.deleted({**said, "snapshot": "s-1"}, zone, now)
    assert not deleting.deleted({**said, "organisation": "org-else"}, zone, now)
    assert queries.resource(stored.id).confirmed
    assert deleting.deleted(said, zone, now) and not deleting.deleted(said, zone, now)
    assert not queries.resource(stored.id).confirmed
    with pytest.raises(Refused, match="没有入库的数据"):
        deleting.order(stored, actor=people.acting(None, "data_authority"), reason="不再留存")


def test_the_page_offers_it_to_the_authority_alone(client: Client, stored: Any, bus: Any) -> None:
    from gongshu.office.catalogue.models import Resource

    Resource.objects.update(state="published")
    people.log_in(client, people.person(bus, "provider_officer"))
    assert "delete-data" not in client.get(f"/catalogue/{stored.id}/").content.decode()
    assert client.post(f"/catalogue/{stored.id}/delete-data/", {"reason": "x"}).status_code == 403
    other = Client()
    people.log_in(other, people.person(None, "data_authority"))
    assert "下达删除指令" in other.get(f"/catalogue/{stored.id}/").content.decode()
    assert other.post(f"/catalogue/{stored.id}/delete-data/", {"reason": "不再留存"}).status_code == 302
    page = other.get(f"/catalogue/{stored.id}/").content.decode()
    assert "等提供单位在闸口同意" in page and "下达删除指令</button>" not in page
