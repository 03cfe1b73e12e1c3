"""Runs a command and prints its seconds, processor seconds and largest resident MB.

    measure.py [--stdout FILE] COMMAND ARGUMENTS...
"""

import resource
import subprocess
import sys
import time

command, stdout = sys.argv[1:], sys.stderr
if command[0] == "--stdout":
    stdout, command = open(command[1], "wb"), command[2:]
begin = time.monotonic()
status = subprocess.run(command, stdout=stdout).returncode
seconds = time.monotonic() - begin
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"{seconds:.2f} {used.ru_utime + used.ru_stime:.1f} {used.ru_maxrss / 1024:.0f}")
sys.exit(status)
