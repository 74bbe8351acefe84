"""Where a product stands: providers, released content, registration, publication and price; reading only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from gongshu.law.errors import LawError
from gongshu.law.rules import Rules
from gongshu.money.tariff import Price as UnitPrice
from gongshu.office.products import upstream
from gongshu.office.products.models import PASSED, Product
from gongshu.office.registration import queries as registration
from gongshu.office.registration.models import Certificate
from gongshu.office.scenarios.models import Project

FREE = "public"
# 上限收费标准由后面的应用（结算）制定，启动时在这里登记：(产品, 业务日) → 计价单位 → 上限
CAPS: list[Callable[[str, date], Mapping[str, UnitPrice]]] = []
# 运营机构公布的价目，同样由结算登记：(产品, 业务日) → (收费的话, 执行起日)，没有公布过的为 None
PRICES: list[Callable[[str, date], tuple[str, date] | None]] = []
HOLDS = ("valid", "flagged")


@dataclass(frozen=True)
class Price:
    """What is charged, in words. `settled` is False while no price has been made."""

    text: str
    note: str
    basis: tuple[str, ...]
    settled: bool


def providers(product: Product) -> tuple[str, ...]:
    """The organisations whose data the product is made of, by its grant."""
    found = upstream.grant(product.grant, product.zone_id)
    return found.owners if found else ()


def of_project(project: Project) -> list[tuple[str, str]]:
    """(id, name) of the products the project's operator made under one of the project's grants."""
    rows = Product.objects.filter(
        zone_id=project.zone_id,
        operator_id=project.operator_id,
        grant__in=[str(each) for each in project.grants.values_list("pk", flat=True)],
    )
    return list(rows.order_by("name", "pk").values_list("pk", "name"))


def certificate(product: Product, today: date) -> Certificate | None:
    """The product's registration certificate that holds on a day."""
    return certificates([product.pk], today).get(product.pk)


def certificates(products: Iterable[str], today: date) -> dict[str, Certificate]:
    """Product → its newest registration certificate that holds on a day. One query."""
    rows = Certificate.objects.filter(registration__product__in=list(products)).order_by("issued", "code")
    return {
        row.registration.product: row
        for row in rows.select_related("registration__case")
        if registration.status(row, today) in HOLDS
    }


def published(product: Product, today: date) -> bool:
    """Reviewed and registered: what may be supplied and listed (requirements L17, L18)."""
    return product.state == PASSED and certificate(product, today) is not None


def caps(product: str, today: date) -> dict[str, UnitPrice] | None:
    """上限收费标准 of a product on a day, unit → price; None while no app sets caps."""
    if not CAPS:
        return None
    return {unit: cap for setter in CAPS for unit, cap in setter(product, today).items()}


def price(rules: Rules, product: Product, today: date) -> Price:
    """Free for the public benefit by the pack; else what the operator's price list says on a business day,
    and no price before one was published."""
    try:
        if product.purpose == FREE:
            rule = rules.limit("price.public_benefit")
            return Price(str(rule.get("text", "")), "", tuple(rules.cite(each) for each in rule.basis), True)
        rule = rules.limit("price.industry")
    except LawError as error:
        return Price("未定价", error.sentence, tuple(error.basis), False)
    law, cited = str(rule.get("text", "")), tuple(rules.cite(each) for each in rule.basis)
    listed = next((found for asked in PRICES if (found := asked(product.pk, today))), None)
    if listed is None:
        return Price("未定价", law, cited, False)
    return Price(listed[0], f"{law}；运营机构公布的价目，自 {listed[1]} 起执行。", cited, True)
