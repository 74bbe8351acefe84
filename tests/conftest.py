"""Plugins every test shares."""

from hypothesis import settings

pytest_plugins = ["support.rows"]

# 同样的代码每次给同样的结果：例子由测试名决定，不记在盘上，也不因机器慢而失败
settings.register_profile("make", derandomize=True, database=None, deadline=None, print_blob=True)
