"""Addresses of registration: the applicant's, the registrar's desk, and the public pages."""

from __future__ import annotations

from django.urls import path

from gongshu.office.registration.views import applicant, certificate, objection, public

app_name = "registration"
urlpatterns = [
    path("", applicant.listing, name="list"),
    path("new/", applicant.new, name="new"),
    path("desk/", applicant.desk, name="desk"),
    path("publicity/", public.publicity, name="publicity"),
    path("publicity/<str:pk>/", public.notice, name="notice"),
    path("publicity/<str:pk>/object/", objection.object_to, name="object"),
    path("objections/<str:receipt>/", objection.objection, name="objection"),
    path("identity/<str:pk>/", certificate.identity_paper, name="identity"),
    path("check/", public.check, name="check"),
    path("check/<str:code>", public.checked, name="checked"),
    path("certificates/", public.certificates, name="certificates"),
    path("certificates/keys.pem", certificate.keys, name="keys"),
    path("certificates/<str:code>.pdf", certificate.document, name="certificate-pdf"),
    path("certificates/<str:code>.pdf.sig.json", certificate.signature, name="certificate-signature"),
    path("certificates/<str:code>.proof.json", certificate.proof, name="certificate-proof"),
    path("deposits/<str:pk>.json", certificate.deposit_receipt, name="deposit-receipt"),
    path("<str:pk>/", applicant.detail, name="detail"),
    path("<str:pk>/edit/", applicant.edit, name="edit"),
    path("<str:pk>/preview/", applicant.preview, name="preview"),
    path("<str:pk>/deposit/", applicant.deposit, name="deposit"),
]
