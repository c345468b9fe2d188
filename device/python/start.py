# The flash of a thing that is a computer is the folder of this file. What a board does at its start, in the same order:
# boot.py chooses the runtime, main.py runs it.
import os
import signal
import sys
import time

if sys.version_info < (3, 9):
    sys.exit("Roost's runtime needs Python 3.9 or later, this is %d.%d." % sys.version_info[:2])
root = os.path.dirname(os.path.abspath(__file__))
os.chdir(root)
if root not in sys.path:
    sys.path.append(root)
over = 0  # when it was told to end


class Out:  # what nobody can take, as on a disk that is full, is no fault of who prints
    def __init__(self, f):
        self.f = f

    def __getattr__(self, name):
        return getattr(self.f, name)

    def write(self, s):
        try:
            self.f.write(s)
        except Exception:
            pass
        return len(s)

    def flush(self):
        try:
            self.f.flush()
        except Exception:
            pass


def end(*_):  # Python drops what is raised in a callback of its own; after Ctrl-C run.sh tells it, too
    global over
    now = time.monotonic()
    if not over or now > over + 3:
        over = now
        raise KeyboardInterrupt


def alone():  # two would write to the same files; kept while this process lives
    import fcntl

    os.makedirs("_s", exist_ok=True)
    f = open("_s/lock", "a")
    try:
        fcntl.lockf(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("It runs already in %s." % root)
        sys.exit(99)
    return f


for name in ("stdout", "stderr"):
    f = getattr(sys, name)
    if hasattr(f, "reconfigure"):
        f.reconfigure(errors="replace")
    setattr(sys, name, Out(f))
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, end)
try:
    lock = alone()
except (ImportError, OSError) as e:
    print("_s/lock:", e)
try:
    import boot  # noqa: F401
    import main  # noqa: F401
except KeyboardInterrupt:
    sys.exit(99 if over else 1)  # the app's own does not end the thing
