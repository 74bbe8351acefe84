"""The app: attaches itself to the cases of filed documents and to the navigation."""

from django.apps import AppConfig


class AuthorisationConfig(AppConfig):
    name = "gongshu.office.authorisation"
    label = "authorisation"
    verbose_name = "授权文件"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from gongshu.office.accounts import frame
        from gongshu.office.authorisation import handler, services
        from gongshu.office.cases import registry

        registry.register(services.PROCEDURE, handler.FilingHandler())
        frame.add("授权文件", "authorisation:list", 250, frame.works)
