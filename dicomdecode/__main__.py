"""``python -m dicomdecode``: the command line."""

import sys

from dicomdecode.cli import main

sys.exit(main())
