"""The public pages: nobody needs to log in, nothing unpublished is shown."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_GET, require_POST

from gongshu.law import forms as law_forms
from gongshu.office import openapi
from gongshu.office.accounts.access import actor_of, login_required
from gongshu.office.accounts.permissions import can
from gongshu.office.accounts.zones import ZONES
from gongshu.office.cases import lawbook
from gongshu.office.cases.views import as_json
from gongshu.office.link import clock, logarchive
from gongshu.office.portal import approval, disclosure, laws, logfiles, sources
from gongshu.ui import errors
from gongshu.ui.export import attachment
from gongshu.ui.inputs import whole_number
from gongshu.ui.tables import Column, Filter, Table

FEW = 5
PER_PAGE = 25


def address(name: str, *args: str) -> str:
    """An address of another app; empty while the app is not installed."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def count(rows: Any) -> int:
    return len(rows) if isinstance(rows, list) else int(rows.count())


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """The front page of a zone."""
    zone, today = actor_of(request).zone, clock.business_today()
    catalogue, publicity = sources.catalogue(zone), sources.publicity(zone)
    scenarios, issued = sources.scenarios(zone), sources.certificates(zone)
    published = sources.products(zone, today)
    context = {
        "title": f"{ZONES[zone].title}公共数据资源登记与授权运营",
        "figures": [
            ("目录里的数据资源", count(catalogue), reverse("portal:catalogue")),
            ("已登记的资源和产品", count(issued), address("registration:certificates")),
            ("公示中的登记", count(publicity), address("registration:publicity")),
            ("可以使用的数据产品", len(published), reverse("portal:products")),
            ("已发布的应用场景", count(scenarios), address("scenarios:published")),
            ("在原始数据上的运行", sources.raw_tasks(zone).count(), reverse("portal:runs")),
        ],
        "publicity": list(publicity[:FEW]),
        "products": published[:FEW],
        "scenarios": list(scenarios[:FEW]),
        "runs": sources.runs(zone, count=FEW),
        "zones": [(each, ZONES[each].title) for each in settings.SITE.zones if each in ZONES],
        "zone": zone,
        "today": today,
        "check": address("registration:check"),
        "head": logfiles.head(),
    }
    return render(request, "portal/home.html", context)


# ---------------------------------------------------------------- catalogue


@require_GET
def catalogue(request: HttpRequest) -> HttpResponse:
    """Search in the published catalogue, in Chinese."""
    zone = actor_of(request).zone
    table = Table(
        request,
        sources.catalogue(zone),
        [
            Column(
                "name",
                "名称",
                "name",
                order="name",
                href=lambda row: reverse("portal:resource", args=[row.pk]),
            ),
            Column("provider", "提供单位", "provider.name", order="provider__name"),
            Column("code", "信息资源代码", "code", order="code", kind="code", narrow=False),
            Column(
                "rows", "数据行数", lambda row: (row.facts or {}).get("rows"), kind="number", narrow=False
            ),
            Column("saved", "更新", "saved_at", order="saved_at", kind="date", narrow=False),
        ],
        title="目录查询",
        order="name",
        filters=[Filter("q", "检索", matching, placeholder="名称、代码、单位、摘要、信息项")],
        empty="没有符合条件的数据资源。",
    )
    if table.wants_export:
        return table.export()
    if errors.wants_json(request):
        return as_json({"rows": [{"id": row.pk, "name": row.name} for row in table.filtered[:500]]})
    return render(request, "portal/catalogue.html", {"title": "目录查询", "table": table})


def matching(rows: Any, text: str) -> Any:
    found = sources.ask("catalogue")
    return found.matching(rows, text) if found else rows


@require_GET
def resource(request: HttpRequest, pk: str) -> HttpResponse:
    """A published resource: what the catalogue says, its fields with grades, its registration. No data."""
    rows = sources.catalogue(actor_of(request).zone)
    if isinstance(rows, list):
        raise Http404
    row = get_object_or_404(rows.select_related("provider", "zone", "case"), pk=pk)
    content = sources.ask("catalogue", "content")
    form = content.form_of(lawbook.rules_of(row.case))
    shown = [
        (each.title, law_forms.shown(form, each.id, row.typed.get(each.id)))
        for each in form.fields
        if each.group != content.ITEMS
    ]
    registered = sources.ask("registration")
    context = {
        "title": row.name,
        "row": row,
        "lines": [(title, text) for title, text in shown if text],
        "columns": [
            (name, column.get("type", ""), column.get("grade", ""))
            for name, column in (row.facts or {}).get("columns", {}).items()
        ],
        "heads": [title for _, title in content.columns(form)],
        "items": [
            [law_forms.shown(form, name, each.get(name)) for name, _ in content.columns(form)]
            for each in law_forms.rows_of(row.typed.get(content.ITEMS))
        ],
        "certificates": [
            each.certificate for each in registered.of_resource(row.pk) if hasattr(each, "certificate")
        ]
        if registered
        else [],
    }
    return render(request, "portal/resource.html", context)


# ---------------------------------------------------------------- products


@require_GET
def products(request: HttpRequest) -> HttpResponse:
    """The list of products and services, with what they cost (requirements L17)."""
    zone, today = actor_of(request).zone, clock.business_today()
    rows = [product_line(row, made, today) for row, made in sources.products(zone, today)]
    table = Table(
        request,
        rows,
        [
            Column(
                "name",
                "产品",
                "name",
                order="name",
                href=lambda row: reverse("portal:product", args=[row["id"]]),
            ),
            Column("form", "形态", "form", order="form"),
            Column("operator", "运营机构", "operator", order="operator"),
            Column("purpose", "用途", "purpose", order="purpose", narrow=False),
            Column("price", "价格", "price"),
            Column("code", "登记编码", "code", kind="code", href=lambda row: row["check"], narrow=False),
            Column("until", "有效期至", "until", order="until", kind="date", narrow=False),
        ],
        title="数据产品和服务",
        filters=[Filter("q", "名称", lambda found, value: [row for row in found if value in row["name"]])],
        empty="还没有登记发布的产品。",
    )
    if table.wants_export:
        return table.export()
    if errors.wants_json(request):
        return as_json({"rows": rows})
    return render(request, "portal/products.html", {"title": "数据产品和服务", "table": table})


def purpose(rules: Any, row: Any) -> str:
    """What a product is for, in the words of the pack it stands under."""
    return str(sources.ask("products", "content").purposes(rules).get(row.purpose, ""))


def product_line(row: Any, made: Any, today: Any) -> dict[str, Any]:
    rules = lawbook.rules_now(row.zone_id, today)
    price = sources.ask("products", "standing").price(rules, row, today)
    return {
        "id": row.pk,
        "name": row.name,
        "form": row.form,
        "purpose": purpose(rules, row),
        "operator": row.operator.name,
        "price": price.text,
        "code": made.code,
        "until": made.valid_until,
        "check": address("registration:checked", made.code),
    }


@require_GET
def product(request: HttpRequest, pk: str) -> HttpResponse:
    """A published product: what it is, what it costs and why, its registration, what left, since when."""
    today = clock.business_today()
    queries = sources.ask("products")
    found = queries.public(pk, today) if queries else None
    if found is None or found[0].zone_id not in settings.SITE.zones:
        raise Http404
    row, certificate = found
    rules = lawbook.rules_of(row.case)
    context = {
        "title": row.name,
        "row": row,
        "certificate": certificate,
        "purpose": purpose(rules, row),
        "price": sources.ask("products", "standing").price(rules, row, today),
        "releases": list(row.releases.order_by("-received")[:50]),
        "summary": row.typed.get("summary", ""),
        "fields": row.typed.get("fields") or [],
    }
    return render(request, "portal/product.html", context)


# ---------------------------------------------------------------- runs, disclosure, laws, log


@require_GET
def runs(request: HttpRequest) -> HttpResponse:
    """运行公示: every run on raw public data; a day, no time; whether something of it left, no result."""
    zone = actor_of(request).zone
    total = sources.raw_tasks(zone).count()
    pages = max(1, -(-total // PER_PAGE))
    page = max(1, min(whole_number(request.GET.get("page", "1")) or 1, pages))
    rows = sources.runs(zone, (page - 1) * PER_PAGE, PER_PAGE)
    if errors.wants_json(request):
        return as_json({"total": total, "page": page, "pages": pages, "rows": [vars(row) for row in rows]})
    context = {"title": "运行公示", "rows": rows, "total": total, "page": page, "pages": pages}
    return render(request, "portal/runs.html", context | {"before": page - 1, "after": page + 1})


@require_GET
def disclosed(request: HttpRequest) -> HttpResponse:
    """信息披露, item by item, by the body that owes it."""
    zone, today = actor_of(request).zone, clock.business_today()
    items, basis, missing = disclosure.items(zone, today)
    owed: dict[str, list[disclosure.Item]] = {}
    for each in items:
        owed.setdefault(each.by, []).append(each)
    discloses = any(each.asked for each in items) and can(actor_of(request), "portal.disclose")
    context = {"title": "授权运营信息披露", "owed": owed, "basis": basis, "missing": missing}
    return render(request, "portal/disclosure.html", {**context, "discloses": discloses})


@require_POST
@login_required
def disclose(request: HttpRequest) -> HttpResponse:
    """Begin the case in which a disclosure of use is approved; its first act asks what is to be said."""
    made = approval.begin(actor=actor_of(request), now=clock.business_now())
    return redirect("cases:act", made.pk, "submit")


@require_GET
def interfaces(_request: HttpRequest) -> HttpResponse:
    """What a program may ask of this site, as OpenAPI."""
    return as_json(openapi.document())


@require_GET
def law_texts(request: HttpRequest) -> HttpResponse:
    """The texts in use, with their standing: a draft says that it is one."""
    zone, today = actor_of(request).zone, clock.business_today()
    found = laws.texts(zone, today)
    digest = lawbook.rules_now(zone, today).digest
    if errors.wants_json(request):
        rows = [{**each.standing.data(), "rules": each.rules} for each in found]
        return as_json({"zone": zone, "digest": digest, "texts": rows})
    return render(request, "portal/laws.html", {"title": "所依据的文本", "texts": found, "digest": digest})


@require_GET
def log(request: HttpRequest) -> HttpResponse:
    """The evidence log: its checkpoint, its keys, and how anybody checks it."""
    context = {
        "title": "存证日志",
        "head": logfiles.head(),
        "keys": logfiles.keys(),
        "witnesses": logfiles.witnesses(clock.wall_now()),
    }
    return render(request, "portal/log.html", context)


@require_GET
def log_file(_request: HttpRequest, name: str) -> HttpResponse | FileResponse:
    """A file of the log, byte for byte."""
    path = logfiles.file(name)
    if path is None:
        raise Http404
    text = name.partition("/")[0] in ("checkpoint", "checkpoints", "keys", "cosigned")
    answer = FileResponse(
        path.open("rb"), content_type="text/plain; charset=utf-8" if text else "application/octet-stream"
    )
    answer["Cache-Control"] = "no-cache" if text else "public, max-age=86400"
    return answer


@require_GET
def log_archive(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """The whole log as one zip, for anyone; unpacked, both verifiers take it."""
    try:
        size, pieces = logarchive.stream()
    except logarchive.NoLog as error:
        return errors.page(request, 404, str(error), "no_log")
    answer = StreamingHttpResponse(pieces, content_type="application/zip")
    answer["Content-Disposition"] = attachment(f"存证日志-{size}条.zip")
    answer["Cache-Control"] = "no-cache"
    return answer
