"""Every other procedure walked through, with what differs between the jurisdictions."""

from __future__ import annotations

from typing import Any

import pytest

from gongshu.law import packs, procedures, rules
from gongshu.law.procedures import CHECK_DAY
from support.histories import DIGEST, FILE, Walk

DAY = "2026-03-02"
FORM = {"form_problems": [], "form_digest": DIGEST}
ALL = packs.library().zones
ORG = {"actor_organisation": "org:housing"}
PROVIDERS = {"providers": ["org:housing", "org:transport"]}


def test_the_packs_hold_together() -> None:
    assert procedures.problems(packs.library()) == []


@pytest.mark.parametrize("zone", ALL)
def test_every_zone_has_every_procedure_with_chinese_titles(zone: str) -> None:
    found = rules.at(zone, CHECK_DAY)
    assert set(found.ids("procedures")) >= {
        "catalogue.publication", "registration.first", "registration.product", "scenario.review",
        "data.request", "release.review", "product.compliance", "agreement.usage", "filing.document",
    }  # fmt: skip
    for name in found.ids("procedures"):
        procedure = procedures.load(found, name)
        titles = [state.title for state in procedure.states.values()]
        titles += [act.title for act in procedure.acts.values()] + [procedure.title]
        assert all(any("一" <= letter <= "鿿" for letter in title) for title in titles)
        assert all(procedure.states[name].waits_for or "final" for name in procedure.states)


# ---------------------------------------------------------------- catalogue


def catalogue(zone: str, **facts: Any) -> Walk:
    walk = Walk(zone, "catalogue.publication")
    given = {"shared_source": False, "not_excluded": True, "graded": True, **FORM, **facts}
    walk.do("hand_in", "provider_officer", DAY, **given)
    return walk


@pytest.mark.row("C01", "C03", "C04", "C11", "C12")
@pytest.mark.parametrize("zone", ALL)
def test_a_catalogue_is_made_checked_reviewed_and_published(zone: str) -> None:
    walk = catalogue(zone)
    same = walk.ask(
        "check_pass", "provider_checker", DAY, "person:provider_officer", agree=True, form_digest=DIGEST
    )
    assert same.code == "not_actor_of"
    walk.do("check_pass", "provider_checker", DAY, agree=True, form_digest=DIGEST)
    walk.do("approve", "data_authority", DAY, form_digest=DIGEST)
    publisher = "provider_officer" if zone == "hubei" else "data_authority"
    walk.do("publish", publisher, DAY)
    walk.do("flag", "data_authority", DAY, authorisation="granted")
    assert walk.state == "published"


@pytest.mark.row("C11")
@pytest.mark.parametrize("zone", ALL)
def test_what_may_harm_is_not_in_the_catalogue(zone: str) -> None:
    walk = Walk(zone, "catalogue.publication")
    refused = walk.ask(
        "hand_in", "provider_officer", DAY, shared_source=False, not_excluded=False, graded=True, **FORM
    )
    assert refused.code == "input:not_excluded"


@pytest.mark.row("C13")
@pytest.mark.parametrize("zone", ALL)
def test_shared_data_needs_the_sharers_consent(zone: str) -> None:
    walk = Walk(zone, "catalogue.publication")
    given = {"shared_source": True, "not_excluded": True, "graded": True, **FORM}
    assert walk.ask("hand_in", "provider_officer", DAY, **given).code == "needed_when"
    assert walk.ask("hand_in", "provider_officer", DAY, **given, sharer_consent=FILE).allowed


@pytest.mark.row("C14")
def test_chizhou_asks_the_providers_consent_for_every_inclusion() -> None:
    walk = catalogue("chizhou")
    refused = walk.ask("check_pass", "provider_checker", DAY, form_digest=DIGEST)
    assert (refused.code, refused.articles) == ("input:agree", ("chizhou-plan:三(三)1",))


@pytest.mark.row("C05")
def test_a_published_catalogue_is_revised_by_the_same_flow() -> None:
    walk = catalogue("huangshi")
    walk.do("check_pass", "provider_checker", DAY, form_digest=DIGEST)
    walk.do("approve", "data_authority", DAY, form_digest=DIGEST)
    walk.do("publish", "data_authority", DAY)
    walk.do("revise", "provider_officer", "2026-04-01")
    assert walk.state == "draft"


# ---------------------------------------------------------------- scenarios

ANSWERS = dict.fromkeys(("economic", "social", "business", "need"), "成立")


def scenario(zone: str) -> Walk:
    walk = Walk(zone, "scenario.review")
    walk.do("submit", "operator", DAY, one_scene=True, **FORM, **PROVIDERS)
    return walk


@pytest.mark.row("J01", "J02", "J04", "B02", "B07")
@pytest.mark.parametrize("zone", ["hubei", "huangshi"])
def test_a_scene_is_reviewed_with_every_provider(zone: str) -> None:
    walk = scenario(zone)
    facts = {**PROVIDERS, "answers": ANSWERS, "form_digest": DIGEST}
    assert walk.ask("approve", "data_authority", DAY, **facts).code == "every_organisation"
    stranger = walk.ask(
        "provider_agree", "provider_checker", DAY, **PROVIDERS, actor_organisation="org:other"
    )
    assert stranger.code == "organisation_in"
    walk.do("provider_agree", "provider_checker", DAY, "person:h", **PROVIDERS, **ORG)
    assert walk.ask("approve", "data_authority", DAY, **facts).code == "every_organisation"
    walk.do(
        "provider_agree", "provider_checker", DAY, "person:t", **PROVIDERS, actor_organisation="org:transport"
    )
    assert (
        walk.ask("approve", "data_authority", DAY, **{**facts, "answers": {"economic": "x"}}).code
        == "answers_cover"
    )
    walk.do("approve", "data_authority", DAY, **facts)
    assert walk.state == "approved"
    if zone == "hubei":
        walk.do("publish", "operator", DAY)
        assert walk.state == "published"


@pytest.mark.row("J02")
def test_one_scene_one_review() -> None:
    walk = Walk("huangshi", "scenario.review")
    refused = walk.ask("submit", "operator", DAY, **FORM, **PROVIDERS)
    assert (refused.code, refused.articles) == ("input:one_scene", ("huangshi-plan:二(五)1",))


@pytest.mark.row("J03")
def test_approved_scenes_are_published_by_the_operator_in_hubei_only() -> None:
    acts = {zone: procedures.load(rules.at(zone, CHECK_DAY), "scenario.review").acts for zone in ALL}
    assert {zone for zone, found in acts.items() if "publish" in found} == {"hubei"}


def test_opinions_are_given_again_after_a_resubmission() -> None:
    walk = scenario("hubei")
    walk.do("provider_agree", "provider_checker", DAY, "person:h", **PROVIDERS, **ORG)
    walk.do(
        "provider_refuse",
        "provider_checker",
        DAY,
        "person:t",
        **PROVIDERS,
        actor_organisation="org:transport",
        reasons="x",
    )
    walk.do("submit", "operator", "2026-03-09", one_scene=True, **FORM, **PROVIDERS)
    facts = {"providers": ["org:housing"], "answers": ANSWERS, "form_digest": DIGEST}
    assert walk.ask("approve", "data_authority", "2026-03-10", **facts).code == "every_organisation"


@pytest.mark.row("J05")
def test_chizhou_assesses_risk_first() -> None:
    walk = Walk("chizhou", "scenario.review")
    assert walk.ask("submit", "operator", DAY, one_scene=True, **FORM).code == "state"
    walk.do("assess", "developer", DAY, risk_report=FILE, safe=True, **FORM)
    changed = {**FORM, "form_digest": "sha256:" + "c" * 64}
    assert walk.ask("submit", "operator", DAY, one_scene=True, **changed).code == "same_as"
    walk.do("submit", "operator", DAY, one_scene=True, **FORM, **PROVIDERS)
    only = {"providers": ["org:housing"]}
    assert walk.ask("approve", "data_authority", DAY, form_digest=DIGEST, **only).code == "every_organisation"
    walk.do("provider_agree", "provider_checker", DAY, opinion="同意", **only, **ORG)
    walk.do("approve", "data_authority", DAY, form_digest=DIGEST, **only)
    assert walk.state == "approved"


@pytest.mark.row("J06")
def test_anhui_reviews_scene_plans_head_by_head() -> None:
    walk = scenario("anhui")
    assert walk.ask("approve", "data_authority", DAY, form_digest=DIGEST).code == "input:answers"
    assert walk.ask("approve", "data_authority", DAY, form_digest=DIGEST, answers=ANSWERS).allowed


# ---------------------------------------------------------------- data requests

FIELDS = [{"field": "id", "necessity": "用来关联两张表"}, {"field": "amount", "necessity": "计算指数的分子"}]
DECIDED = [{"field": "id", "decision": "同意"}, {"field": "amount", "decision": "同意"}]
DECIDERS = {"gansu": "sector_department", "hubei": "provider_checker", "huangshi": "provider_checker",
            "chizhou": "provider_checker"}  # fmt: skip


def request(zone: str) -> Walk:
    walk = Walk(zone, "data.request")
    walk.do(
        "submit", "operator", DAY,
        fields=FIELDS, scenario_approved=True, resource_registered=True, **FORM, **PROVIDERS,
    )  # fmt: skip
    return walk


@pytest.mark.row("B06", "J07", "J08", "J10")
@pytest.mark.parametrize(("zone", "role"), DECIDERS.items())
def test_a_request_is_decided_field_by_field_by_whom_the_text_names(zone: str, role: str) -> None:
    walk = request(zone)
    for other in ("data_authority", "implementing_body", "operator"):
        assert walk.ask("grant", other, DAY, decisions=DECIDED, **PROVIDERS, **ORG).code == "role"
    assert walk.ask("grant", role, DAY, decisions=DECIDED[:1], **PROVIDERS, **ORG).code == "decides_each"
    assert walk.where(DAY).waits_for == (role,)
    walk.do("grant", role, DAY, decisions=DECIDED, **PROVIDERS, **ORG)
    walk.do("supply", "provider_officer", DAY, **PROVIDERS, **ORG)
    assert walk.state == "supplied"


@pytest.mark.row("J07")
def test_every_field_needs_its_own_necessity() -> None:
    walk = Walk("huangshi", "data.request")
    bare = [{"field": "id", "necessity": " "}]
    refused = walk.ask("submit", "operator", DAY, fields=bare, scenario_approved=True, **FORM)
    assert (refused.code, refused.articles) == ("each_has", ("hubei-operation:20",))
    assert (
        walk.ask("submit", "operator", DAY, fields=[], scenario_approved=True, **FORM).code == "input:fields"
    )


@pytest.mark.row("J08")
def test_a_refusal_gives_reason_and_basis() -> None:
    walk = request("hubei")
    facts = {**PROVIDERS, **ORG}
    assert walk.ask("refuse", "provider_checker", DAY, legal_basis="某条", **facts).code == "input:reasons"
    refused = walk.ask("refuse", "provider_checker", DAY, reasons="超出场景", **facts)
    assert (refused.code, refused.articles) == ("input:legal_basis", ("hubei-operation:23",))
    walk.do(
        "refuse", "provider_checker", DAY, reasons="超出场景", legal_basis="个人信息保护法第六条", **facts
    )
    assert walk.where(DAY).final


@pytest.mark.row("J09", "J19")
def test_no_request_without_an_approved_scene() -> None:
    walk = Walk("hubei", "data.request")
    refused = walk.ask("submit", "operator", DAY, fields=FIELDS, scenario_approved=False, **FORM)
    assert (refused.code, refused.articles) == ("holds", ("hubei-operation:23",))


def test_in_gansu_the_resource_is_registered_first() -> None:
    walk = Walk("gansu", "data.request")
    given = {"fields": FIELDS, "scenario_approved": True, **FORM}
    assert walk.ask("submit", "operator", DAY, **given, resource_registered=False).articles == (
        "gansu-operation:23",
    )
    assert Walk("huangshi", "data.request").ask("submit", "operator", DAY, **given).allowed


# ---------------------------------------------------------------- release

HEADS = dict.fromkeys(("no_raw", "not_reversible", "no_linkage"), "pass")
VOTE = {"vote": "pass", "answers": HEADS, "output_digest": DIGEST, "developing_organisations": ["org:dev"]}
VOTERS = {
    "gansu": (("implementing_body", "org:a"), ("implementing_body", "org:a")),
    "hubei": (("data_authority", "org:a"), ("provider_officer", "org:p")),
    "huangshi": (("data_authority", "org:a"), ("provider_officer", "org:p")),
    "anhui": (("implementing_body", "org:a"), ("implementing_body", "org:a")),
    "chizhou": (("data_authority", "org:a"), ("data_authority", "org:a")),
    "cn": (("implementing_body", "org:a"), ("implementing_body", "org:a")),
}


def presented(zone: str, verdict: str = "review") -> Walk:
    walk = Walk(zone, "release.review")
    walk.do(
        "present", "enclave", DAY,
        verdict=verdict, output_digest=DIGEST, findings_digest=DIGEST, developing_organisations=["org:dev"],
    )  # fmt: skip
    return walk


@pytest.mark.row("L05", "L06", "B08")
@pytest.mark.parametrize(("zone", "voters"), VOTERS.items())
def test_two_people_of_the_lawful_reviewers_let_an_output_leave(zone: str, voters: Any) -> None:
    walk = presented(zone)
    assert {role for role, _ in voters} == set(rules.at(zone, CHECK_DAY).limit("release.reviewers").value)
    (first, org1), (second, org2) = voters
    walk.do("vote", first, DAY, "person:1", **VOTE, actor_organisation=org1)
    assert walk.ask("pass", "enclave", DAY).code == "enough_votes"
    assert walk.ask("vote", first, DAY, "person:1", **VOTE, actor_organisation=org1).code == "not_voted"
    walk.do("vote", second, DAY, "person:2", **VOTE, actor_organisation=org2)
    walk.do("pass", "enclave", DAY)
    other = "sha256:" + "d" * 64
    assert walk.ask("release", "enclave", DAY, output_digest=other).code == "same_as"
    walk.do("release", "enclave", DAY, output_digest=DIGEST)
    assert walk.state == "released"


@pytest.mark.row("L05")
def test_in_hubei_both_authority_and_provider_must_have_voted() -> None:
    walk = presented("hubei")
    for who in ("person:1", "person:2"):
        walk.do("vote", "data_authority", DAY, who, **VOTE, actor_organisation="org:a")
    refused = walk.ask("pass", "enclave", DAY)
    assert (refused.code, refused.sentence) == ("enough_votes", "应当参加审核的单位还没有都审核。")


def test_one_no_is_enough_to_stop() -> None:
    walk = presented("gansu")
    walk.do("vote", "implementing_body", DAY, "person:1", **VOTE, actor_organisation="org:a")
    walk.do(
        "vote", "implementing_body", DAY, "person:2", **{**VOTE, "vote": "reject"}, actor_organisation="org:a"
    )
    assert walk.ask("pass", "enclave", DAY).code == "votes_all"
    walk.do("reject", "enclave", DAY)
    assert walk.where(DAY).final


def test_the_developer_does_not_review_its_own_output() -> None:
    walk = presented("huangshi")
    refused = walk.ask("vote", "data_authority", DAY, **VOTE, actor_organisation="org:dev")
    assert refused.code == "organisation_not_in"


@pytest.mark.row("L07")
def test_every_head_is_answered_and_a_blocked_output_meets_no_reviewer() -> None:
    walk = presented("gansu")
    less = {**VOTE, "answers": {"no_raw": "pass"}}
    assert (
        walk.ask("vote", "implementing_body", DAY, **less, actor_organisation="org:a").code == "answers_cover"
    )
    assert presented("gansu", "block").state == "blocked"


def test_the_office_only_notes_what_the_data_domain_signed() -> None:
    walk = Walk("huangshi", "release.record")
    walk.do("request", "operator", DAY, task="t1", run_done=True)
    noted = {"verdict": "review", "output": "o1"}
    assert walk.ask("note_verdict", "enclave", DAY, **noted, signature_verified=False).code == "holds"
    walk.do("note_verdict", "enclave", DAY, **noted, signature_verified=True)
    walk.do("note_vote", "enclave", DAY, output="o1", signature_verified=True)
    facts = {"file_digest": DIGEST, "signature_verified": True}
    assert walk.ask("note_release", "enclave", DAY, **facts).code == "holds"
    walk.do("note_release", "enclave", DAY, **facts, votes_verified=True)
    assert walk.state == "released"


# ---------------------------------------------------------------- products and agreements

FIVE = dict.fromkeys(("source", "masking", "no_raw", "access", "consent"), "pass")


@pytest.mark.row("L04", "L05")
@pytest.mark.parametrize("zone", ALL)
def test_a_product_passes_only_when_every_head_passes(zone: str) -> None:
    walk = Walk(zone, "product.compliance")
    given = {**FORM, "released": True, "risk_report": FILE, **PROVIDERS}
    assert walk.ask("submit", "operator", DAY, **{**given, "released": False}).code == "holds"
    walk.do("submit", "operator", DAY, **given)
    role = {"gansu": "implementing_body", "cn": "implementing_body"}.get(zone, "data_authority")
    if zone == "hubei":
        walk.do("provider_agree", "provider_checker", DAY, **PROVIDERS, **ORG)
    facts = {"form_digest": DIGEST, "providers": ["org:housing"]}
    assert walk.ask("pass", role, DAY, **facts, answers={"source": "pass"}).code == "answers_cover"
    assert walk.ask("pass", role, DAY, **facts, answers={**FIVE, "consent": "fail"}).code == "answers_all"
    walk.do("pass", role, DAY, **facts, answers=FIVE)
    assert walk.state == "passed"


@pytest.mark.row("F07")
def test_a_third_party_reports_only_on_commission() -> None:
    walk = Walk("hubei", "product.compliance")
    walk.do("submit", "operator", DAY, **FORM, released=True, **PROVIDERS)
    assert walk.ask("third_party_report", "third_party", DAY, report=FILE).code == "done"
    walk.do("commission", "data_authority", DAY, commission=FILE)
    assert walk.ask("third_party_report", "third_party", DAY, report=FILE).allowed


@pytest.mark.row("D03", "L08", "L18")
@pytest.mark.parametrize("zone", ALL)
def test_a_product_is_registered_after_its_review(zone: str) -> None:
    walk = Walk(zone, "registration.product")
    walk.do("fill", "registrant", DAY, **FORM, deposited=True)
    walk.do("pass_business", "registrant_reviewer", DAY)
    assert walk.ask("submit", "registrant", DAY, **FORM, compliance_passed=False).code == "holds"
    refused = walk.ask("submit", "registrant", DAY, **FORM, compliance_passed=True, resource_registered=False)
    assert "登记编码" in refused.sentence
    assert walk.ask(
        "submit", "registrant", DAY, **FORM, compliance_passed=True, resource_registered=True
    ).allowed


@pytest.mark.row("L12", "B15")
@pytest.mark.parametrize("zone", ALL)
def test_a_usage_agreement_is_agreed_then_filed_by_another(zone: str) -> None:
    walk = Walk(zone, "agreement.usage")
    future = walk.ask("agree", "buyer", DAY, agreement=FILE, signed_on="2026-03-03", **FORM)
    assert future.code == "not_future"
    walk.do("agree", "buyer", DAY, agreement=FILE, signed_on=DAY, **FORM)
    assert walk.ask("submit", "operator", DAY, **FORM, product_published=False).code == "holds"
    walk.do("submit", "operator", DAY, **FORM, product_published=True)
    assert walk.ask("file", "data_authority", DAY, "person:operator", number="1").code == "not_actor_of"
    walk.do("file", "data_authority", DAY, number="黄数备〔2026〕1号")
    assert walk.state == "filed"


@pytest.mark.row("G07", "H09")
def test_documents_are_filed_with_number_date_and_digest_by_two_people() -> None:
    walk = Walk("huangshi", "filing.document")
    given = {"kind": "plan", "name": "实施方案", "number": "黄政办〔2026〕1号", "dated": "2026-01-05"}
    assert walk.ask("enter", "data_authority", DAY, **given).code == "input:file"
    nameless = {**given, "file": {"name": "a.pdf", "digest": "abc"}}
    assert walk.ask("enter", "data_authority", DAY, **nameless).sentence == "“文件”的文件没有摘要。"
    walk.do("enter", "data_authority", DAY, "person:1", **given, file=FILE)
    assert walk.ask("confirm", "data_authority", DAY, "person:1").code == "not_actor_of"
    walk.do("confirm", "data_authority", DAY, "person:2")
    assert walk.history[0].data["number"] == "黄政办〔2026〕1号"
