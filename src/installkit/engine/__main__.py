"""Where a supervisor begins: it leaves its starter at once, so that it is nobody's child."""

import os
import sys

if __name__ == "__main__":
    if os.fork() > 0:
        os._exit(0)
    from installkit.engine.processes import main

    main(sys.argv[1:])
