from django.apps import AppConfig


class LinkConfig(AppConfig):
    name = "gongshu.office.link"
    label = "link"
    verbose_name = "与数据域的连线"
