# The flash of a thing that is a computer is the folder of this file. What a board does at its start, in the same order:
# boot.py chooses the runtime, main.py runs it.
import os
import signal
import sys

if sys.version_info < (3, 9):
    sys.exit("Roost's runtime needs Python 3.9 or later, this is %d.%d." % sys.version_info[:2])
root = os.path.dirname(os.path.abspath(__file__))
os.chdir(root)
if root not in sys.path:
    sys.path.append(root)


def end(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, end)
try:
    import boot  # noqa: F401
    import main  # noqa: F401
except KeyboardInterrupt:
    sys.exit(0)
