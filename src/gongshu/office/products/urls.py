"""Addresses of products, agreements, keys and releases."""

from __future__ import annotations

from django.urls import path

from gongshu.office.products.views import deals, endings, makers

app_name = "products"
urlpatterns = [
    path("", makers.listing, name="list"),
    path("new/", makers.new, name="new"),
    path("agreements/", deals.listing, name="agreements"),
    path("agreements/<str:pk>/", deals.detail, name="agreement"),
    path("agreements/<str:pk>/edit/", deals.edit, name="agreement-edit"),
    path("agreements/<str:pk>/look/", deals.look, name="agreement-look"),
    path("agreements/<str:pk>/to-sign", deals.to_sign, name="to-sign"),
    path("agreements/<str:pk>/sign/", deals.sign, name="sign"),
    path("agreements/<str:pk>/send/", deals.send, name="send"),
    path("agreements/<str:pk>/lift/", deals.lift, name="lift"),
    path("endings/", endings.listing, name="endings"),
    path("endings/<str:pk>/", endings.detail, name="ending"),
    path("keys/", deals.keys, name="keys"),
    path("releases/<str:pk>/file", makers.release_file, name="release-file"),
    path("releases/<str:pk>.json", makers.release_record, name="release-record"),
    path("<str:pk>/", makers.detail, name="detail"),
    path("<str:pk>/edit/", makers.edit, name="edit"),
    path("<str:pk>/review/", makers.review, name="review"),
    path("<str:pk>/register/", makers.register, name="register"),
    path("<str:pk>/ceiling/", makers.ceiling, name="ceiling"),
    path("<str:pk>/stop/", makers.stop, name="stop"),
    path("<str:pk>/agreements/new/", deals.new, name="agreement-new"),
]
