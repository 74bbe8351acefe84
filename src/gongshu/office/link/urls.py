from django.urls import path

from gongshu.office.link import views

urlpatterns = [
    path("healthz", views.health, name="link-health"),
    path("link/feed", views.feed_page, name="link-feed"),
    path("link/checkpoint", views.checkpoint, name="link-checkpoint"),
    path("link/entries", views.entries, name="link-entries"),
    path("link/inbox", views.inbox_post, name="link-inbox"),
]
