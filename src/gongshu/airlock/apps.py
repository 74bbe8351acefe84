from django.apps import AppConfig


class AirlockConfig(AppConfig):
    name = "gongshu.airlock"
    label = "airlock"
    verbose_name = "闸口"
