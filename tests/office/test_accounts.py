"""People, organisations, roles, three administrators apart, login, affiliations."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pyotp
import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction

from gongshu.office.accounts import affiliation, enrolment, granting, login, roles, sealed, services, uscc
from gongshu.office.accounts.lawroles import law_roles
from gongshu.office.accounts.models import Account, Affiliation, Organisation, RoleAssignment, Zone
from gongshu.office.accounts.permissions import Refused, can_hold_together
from gongshu.office.accounts.zoned import ZonedModel, ZonedQuerySet
from gongshu.office.accounts.zones import ZONES, descendants, lineage
from gongshu.office.link import clock
from gongshu.office.link.models import OutboxEntry
from support import people
from support.people import NOW

pytestmark = pytest.mark.django_db

# 连线自己的表，整库一份，不属于哪个专区的人
WITHOUT_ZONE_FOREIGN_KEY = {"link"}


def admin(role: str, zone: str = "huangshi") -> Any:
    return people.acting(people.organisation(zone=zone), role)


def test_zones_are_rows() -> None:
    assert set(Zone.objects.values_list("id", flat=True)) == set(ZONES)
    assert lineage("huangshi") == ("huangshi", "hubei", "cn")
    assert descendants("anhui") == {"anhui", "chizhou"}


def test_every_tenant_table_is_reached_through_for_actor() -> None:
    """A table with a zone uses the zoned manager; one without is listed with its reason."""
    free = {"Zone", "Account", "LoginAttempt", "PackText", "CaseNumber", "NoticeSeen"}
    for model in apps.get_models():
        if (
            not model.__module__.startswith("gongshu.office")
            or model._meta.app_label in WITHOUT_ZONE_FOREIGN_KEY
        ):
            continue
        names = {field.attname for field in model._meta.concrete_fields}
        if "zone_id" in names:
            assert issubclass(model, ZonedModel), model
            assert isinstance(model._default_manager.all(), ZonedQuerySet), model
            assert isinstance(model._meta.get_field("zone"), models.ForeignKey), model
        elif model._meta.app_label in {"accounts", "cases"}:
            assert model.__name__ in free, f"{model.__name__} 没有专区"


def test_every_role_of_the_packs_has_a_class() -> None:
    named = {each for zone in ZONES for each in law_roles(zone)}
    missing = named - set(roles.REGISTRY) - set(roles.PLATFORM)
    assert not missing
    for each in roles.REGISTRY.values():
        assert each.title
        assert each.paragraph.endswith("。")


@pytest.mark.row("B01", "B17")
def test_roles_speak_in_the_words_of_the_zone() -> None:
    assert law_roles("huangshi")["data_authority"].title != law_roles("gansu")["data_authority"].title


@pytest.mark.parametrize("code", ["91420200MA48ABCD1X", "1234", "", "11420200MB0000001A", "９１４２０２００"])
def test_a_wrong_credit_code_is_refused(code: str) -> None:
    assert not uscc.is_valid(code)
    with pytest.raises(Refused) as caught:
        services.create_organisation(
            actor=admin("system_administrator"), now=NOW, zone="huangshi", name="甲", code=code, kind="other"
        )
    assert "校验码" in caught.value.sentence


def test_a_credit_code_is_read_as_people_type_it() -> None:
    code = people.credit_code()
    wide = "".join(chr(ord(c) + 0xFEE0) for c in code.lower())
    assert uscc.normal(f" {wide[:9]} {wide[9:]} ") == code


def test_the_system_administrator_makes_people_but_gives_no_role() -> None:
    system = admin("system_administrator")
    home = services.create_organisation(
        actor=system,
        now=NOW,
        zone="huangshi",
        name="市公交公司",
        code=people.credit_code(),
        kind="enterprise",
    )
    made, code = services.create_person(
        actor=system, now=NOW, organisation=home, name="张三", username="Zhang.San"
    )
    assert made.account.username == "zhang.san"
    assert not made.account.enrolled
    assert code not in made.account.activation
    with pytest.raises(Refused):
        granting.grant_role(
            actor=system, now=NOW, person=made, zone="huangshi", role="registrant", since=date(2026, 1, 1)
        )
    assert OutboxEntry.objects.filter(fields__act="accounts.person.create", fields__subject=made.id).exists()


def test_the_security_administrator_gives_roles_but_makes_nobody() -> None:
    security, other = admin("security_administrator"), people.person()
    granting.grant_role(
        actor=security, now=NOW, person=other, zone="huangshi", role="registrar", since=date(2026, 1, 1)
    )
    assert people.actor(other).roles == {"registrar"}
    with pytest.raises(Refused):
        services.create_organisation(
            actor=security, now=NOW, zone="huangshi", name="乙", code=people.credit_code(), kind="other"
        )


def test_nobody_holds_two_of_the_three_nor_one_and_business() -> None:
    security = admin("security_administrator")
    audit = people.person(None, "audit_administrator")
    for role in ("system_administrator", "security_administrator", "registrar"):
        with pytest.raises(Refused) as caught:
            granting.grant_role(
                actor=security, now=NOW, person=audit, zone="huangshi", role=role, since=date(2026, 1, 1)
            )
        assert caught.value.code == "apart"
    clerk = people.person(None, "registrar")
    with pytest.raises(Refused):
        granting.grant_role(
            actor=security,
            now=NOW,
            person=clerk,
            zone="huangshi",
            role="system_administrator",
            since=NOW.date(),
        )
    # 绕过服务，数据库也拦得住
    with pytest.raises(IntegrityError), transaction.atomic():
        RoleAssignment.objects.create(
            person=audit,
            zone_id="huangshi",
            role="system_administrator",
            since=NOW,
            granted_by="x",
            granted_at=NOW,
        )
    assert can_hold_together({"registrar", "provider_officer"})


def test_nobody_grants_to_himself() -> None:
    made = people.person(None, "security_administrator")
    with pytest.raises(Refused) as caught:
        granting.grant_role(
            actor=people.actor(made),
            now=NOW,
            person=made,
            zone="huangshi",
            role="registrar",
            since=NOW.date(),
        )
    assert caught.value.code == "self"


def test_a_role_of_another_zone_is_out_of_reach() -> None:
    security = admin("security_administrator", "chizhou")
    with pytest.raises(Refused) as caught:
        granting.grant_role(
            actor=security,
            now=NOW,
            person=people.person(),
            zone="huangshi",
            role="registrar",
            since=NOW.date(),
        )
    assert caught.value.code == "zone"


def test_a_role_ends_with_its_last_day() -> None:
    made = people.person()
    RoleAssignment.objects.create(
        person=made,
        zone_id="huangshi",
        role="registrar",
        since=date(2026, 1, 1),
        until=date(2026, 3, 2),
        granted_by="t",
        granted_at=NOW,
    )
    assert people.actor(made, today=date(2026, 3, 2)).roles == {"registrar"}
    assert people.actor(made, today=date(2026, 3, 3)).roles == frozenset()


def test_rows_of_other_zones_are_not_seen() -> None:
    here, there = people.organisation(zone="huangshi"), people.organisation(zone="chizhou")
    seen = Organisation.objects.for_actor(people.acting(here, "registrar"))
    assert here in seen
    assert there not in seen
    province = people.acting(people.organisation(zone="anhui"), "data_authority")
    assert there in Organisation.objects.for_actor(province)
    assert here not in Organisation.objects.for_actor(province)


# ------------------------------------------------------------ login


def code_of(made: Any, shift: int = 0) -> str:
    return pyotp.TOTP(people.secret_of(made)).at(clock.wall_now() + timedelta(seconds=30 * shift))


def test_login_needs_password_and_second_factor() -> None:
    made, wall = people.person(), clock.wall_now()
    name = made.account.username
    for password, code in ((people.PASSWORD, "000000"), ("wrong", code_of(made)), (people.PASSWORD, "")):
        with pytest.raises(login.LoginRefused) as caught:
            login.authenticate(name, password, code, "127.0.0.1", wall)
        assert caught.value.sentence == login.BAD
    assert login.authenticate(name, people.PASSWORD, code_of(made), "127.0.0.1", wall) == made.account


def test_a_code_is_good_once() -> None:
    made, wall = people.person(), clock.wall_now()
    code = code_of(made)
    login.authenticate(made.account.username, people.PASSWORD, code, "127.0.0.1", wall)
    with pytest.raises(login.LoginRefused) as caught:
        login.authenticate(made.account.username, people.PASSWORD, code, "127.0.0.1", wall)
    assert caught.value.code == "totp_used"


def test_five_failures_lock_the_name_for_a_quarter_of_an_hour() -> None:
    made, wall = people.person(), clock.wall_now()
    for _ in range(5):
        with pytest.raises(login.LoginRefused):
            login.authenticate(made.account.username, "wrong", "123456", "127.0.0.1", wall)
    with pytest.raises(login.LoginRefused) as caught:
        login.authenticate(made.account.username, people.PASSWORD, code_of(made), "127.0.0.1", wall)
    assert caught.value.code == "locked"
    later = wall + timedelta(minutes=16)
    fresh = pyotp.TOTP(people.secret_of(made)).at(later)
    assert login.authenticate(made.account.username, people.PASSWORD, fresh, "127.0.0.1", later)


def test_the_second_factor_is_not_readable_from_the_database() -> None:
    made = people.person()
    row = Account.objects.get(person=made)
    assert people.secret_of(made).encode() not in bytes(row.totp)
    assert sealed.unseal(row.totp, row.id) == people.secret_of(made)
    other = people.person()
    with pytest.raises(ValueError, match="完整性"):
        sealed.unseal(row.totp, other.account.id)


def test_activation_is_the_persons_own(client: Any) -> None:
    system = admin("system_administrator")
    home = people.organisation()
    made, code = services.create_person(
        actor=system, now=NOW, organisation=home, name="李四", username="lisi"
    )
    page = client.post("/activate/", {"username": "lisi", "activation": code})
    assert page.status_code == 200
    secret, token = page.context["secret"], page.context["form"].initial["token"]
    good = {
        "token": token,
        "password": "Long-Enough-1",
        "again": "Long-Enough-1",
        "code": pyotp.TOTP(secret).now(),
    }
    weak = client.post("/activate/", good | {"password": "short", "again": "short"})
    assert weak.status_code == 400
    assert "口令至少 10 位" in weak.content.decode()
    assert client.post("/activate/", good).status_code == 302
    made.account.refresh_from_db()
    assert made.account.enrolled
    again = client.post("/activate/", {"username": "lisi", "activation": code})
    assert again.status_code == 400
    assert client.post("/activate/", good).status_code == 400  # 用过的激活页不能再用


def test_failed_activations_lock_their_own_name_and_nobody_elses() -> None:
    system, home, wall = admin("system_administrator"), people.organisation(), clock.wall_now()
    _, code = services.create_person(actor=system, now=NOW, organisation=home, name="王五", username="wangwu")
    for number in range(login.PER_ADDRESS + 1):
        with pytest.raises(Refused):
            services.account_to_activate(f"stranger-{number}", "0", wall)
    assert services.account_to_activate("wangwu", code, wall).username == "wangwu"
    for _ in range(login.PER_NAME):
        with pytest.raises(Refused):
            services.account_to_activate("wangwu", "0", wall)
    with pytest.raises(login.LoginRefused):
        services.account_to_activate("wangwu", code, wall)


def test_login_page_keeps_what_was_typed_and_goes_nowhere_else(client: Any) -> None:
    made = people.person()
    bad = client.post("/login/", {"username": made.account.username, "password": "x", "code": "1"})
    assert bad.status_code == 400
    assert made.account.username in bad.content.decode()
    good = {"username": made.account.username, "password": people.PASSWORD, "code": code_of(made)}
    answer = client.post("/login/", good | {"next": "https://evil.example/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.get("/me/").status_code == 200
    client.post("/logout/")
    assert client.get("/me/").status_code == 302


def test_a_session_ends_when_idle_or_superseded(client: Any) -> None:
    made = people.person(None, "registrar")
    people.log_in(client, made)
    assert client.get("/me/").status_code == 200
    session = client.session
    session["seen"] = clock.wall_now().timestamp() - 31 * 60
    session.save()
    assert client.get("/me/").status_code == 302
    people.log_in(client, made)
    Account.objects.filter(person=made).update(generation=9)
    assert client.get("/me/").status_code == 302


# ------------------------------------------------------------ ties


@pytest.mark.row("B20")
def test_ties_reach_through_ownership_but_not_through_shares() -> None:
    one, two, three, four = (people.organisation() for _ in range(4))

    def tie(a: Any, b: Any, kind: str) -> None:
        first, second = sorted((a, b), key=lambda each: each.pk)
        Affiliation.objects.create(
            zone_id="huangshi", organisation=first, other=second, kind=kind, since=date(2025, 1, 1)
        )

    tie(one, two, "parent")
    tie(two, three, "common_control")
    tie(three, four, "shareholder")
    assert set(affiliation.ties(one.pk, NOW.date())) == {two.pk, three.pk}
    assert set(affiliation.ties(three.pk, NOW.date())) == {two.pk, one.pk, four.pk}
    assert affiliation.ties(one.pk, date(2024, 12, 31)) == {}
    assert affiliation.related(one.pk, [three.pk], NOW.date()) == three.pk
    assert affiliation.related(one.pk, [four.pk], NOW.date()) is None
    with pytest.raises(Refused) as caught:
        affiliation.check_independent(people.acting(one, "registrar"), [three.pk], NOW.date())
    assert caught.value.code == "recused"


def test_pages_of_the_administrators(client: Any) -> None:
    people.log_in(client, people.person(None, "system_administrator"))
    code = people.credit_code()
    made = client.post(
        "/admin/organisations/", {"zone": "huangshi", "name": "市住建局", "code": code, "kind": "government"}
    )
    assert made.status_code == 302
    home = Organisation.objects.get(uscc=code)
    page = client.post("/admin/people/", {"organisation": home.pk, "name": "王五", "username": "wangwu"})
    assert 'id="activation-code"' in page.content.decode()
    refused = client.get("/admin/grants/")
    assert refused.status_code == 403
    assert "安全管理员" in refused.content.decode()
    sheet = client.get("/admin/organisations/?export=xlsx")
    assert sheet["Content-Type"].endswith("sheet")
    assert client.get("/admin/organisations/?q=住建&sort=-name&page=99").status_code == 200


def test_the_first_administrators_come_from_the_command_line_once() -> None:
    def enrol(role: str, username: str) -> dict[str, str]:
        return services.enrol_first(
            now=NOW, zone="huangshi", organisation="市数据局", code=people.credit_code(7), role=role, name="管", username=username
        )  # fmt: skip

    first = enrol("system_administrator", "sys1")
    assert login.authenticate(
        "sys1", first["password"], pyotp.TOTP(first["totp"]).now(), "127.0.0.1", clock.wall_now()
    )
    enrol("security_administrator", "sec1")
    other = {"zone": "chizhou", "organisation": "池州市数据局", "code": people.credit_code(8)}
    made = enrolment.enrol(None, other)["accounts"]
    assert [each["username"] for each in made] == ["chizhou-system", "chizhou-security"]
    with pytest.raises(enrolment.EnrolmentRefused):
        enrolment.enrol(None, other)
    with pytest.raises(enrolment.EnrolmentRefused):
        enrolment.enrol(None, {"zone": "anhui", "organisation": "省数据局", "code": "1"})
    with pytest.raises(Refused):
        enrol("system_administrator", "sys2")
    with pytest.raises(Refused):
        enrol("registrar", "reg1")


@pytest.mark.parametrize("zone", ["cn", "gansu", "hubei", "huangshi", "anhui", "chizhou"])
def test_a_missing_permission_is_refused_with_the_articles_of_the_zone(zone: str) -> None:
    """What a Hubei draft says is no reason in Gansu, and the reverse."""
    from gongshu.law import packs
    from gongshu.office.accounts.permissions import TABLE, Refused, check

    library = packs.library()
    nobody: Any = people.acting(people.organisation(zone=zone), "auditor", zone=zone)
    for name, entry in TABLE.items():
        if not entry.ground or "auditor" in entry.roles:
            continue
        with pytest.raises(Refused) as refused:
            check(nobody, name, zone)
        cited = {library.source(each).pack for each in refused.value.articles}
        assert cited <= set(library.above(zone)), (name, refused.value.articles)
    with pytest.raises(Refused) as refused:
        check(nobody, "scenarios.write", zone)
    assert any(each.startswith(zone if zone != "cn" else "national") for each in refused.value.articles)


@pytest.mark.parametrize(
    ("act", "title"),
    [
        ("registration.first.accept", "首次登记：受理"),
        ("cases.open.registration.first", "立案：首次登记"),
        ("registration.first.nothing", "registration.first.nothing"),
        ("nothing.at.all", "nothing.at.all"),
        ("agreement.sign", "签署使用协议"),
    ],
)
def test_the_journal_names_acts_as_their_procedure_does(act: str, title: str) -> None:
    from gongshu.office.accounts.acttitles import act_title

    assert act_title(act, "gansu") == title
