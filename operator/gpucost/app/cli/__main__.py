"""``python -m gpucost.app.cli``: the command line without its installed name."""

import sys

from gpucost.app.cli.main import main

sys.exit(main())
