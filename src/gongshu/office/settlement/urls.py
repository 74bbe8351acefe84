"""Addresses of money: bills, shares, prices, maxima, the yearly report."""

from __future__ import annotations

from django.urls import path

from gongshu.office.settlement.views import batches, bills, prices, use

app_name = "settlement"
urlpatterns = [
    path("", bills.listing, name="bills"),
    path("run/", bills.run, name="run"),
    path("unbilled/", bills.unbilled, name="unbilled"),
    path("batches/<int:pk>/", batches.detail, name="batch"),
    path("shares/", bills.shares, name="shares"),
    path("prices/", prices.listing, name="prices"),
    path("prices/<str:product>/new/", prices.new, name="price-new"),
    path("caps/<str:product>/new/", prices.cap_new, name="cap-new"),
    path("maxima/", prices.maxima, name="maxima"),
    path("maxima/new/", prices.maximum_new, name="maximum-new"),
    path("maxima/<str:pk>/", prices.maximum, name="maximum"),
    path("reports/", prices.reports_page, name="reports"),
    path("reports/<str:pk>/", prices.report, name="report"),
    path("use/<str:pk>/", use.detail, name="use"),
    path("use/<str:pk>/try/", use.attempt, name="try"),
    path("bills/<str:pk>/", bills.detail, name="bill"),
    path("bills/<str:pk>/lines.<str:kind>", bills.lines_file, name="lines"),
]
