from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    name = "gongshu.office.catalogue"
    label = "catalogue"
    verbose_name = "目录"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.cases import registry
        from gongshu.office.catalogue.handler import CatalogueHandler
        from gongshu.office.catalogue.services import PROCEDURE

        registry.register(PROCEDURE, CatalogueHandler())
        frame.add("目录", "catalogue:list", 200, frame.logged_in)
