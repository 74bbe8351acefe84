from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "gongshu.enclave.store"
    label = "store"
    verbose_name = "数据域"
