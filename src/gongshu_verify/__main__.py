"""`python -m gongshu_verify`."""

import sys

from gongshu_verify.main import main

sys.exit(main())
