"""Runs a command and prints its seconds, processor seconds and largest resident MB.

    measure.py COMMAND ARGUMENTS...
"""

import resource
import subprocess
import sys
import time

begin = time.monotonic()
status = subprocess.run(sys.argv[1:], stdout=sys.stderr).returncode
seconds = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{seconds:.2f} {used.ru_utime + used.ru_stime:.1f} {used.ru_maxrss / 1024:.0f}")
sys.exit(status)
