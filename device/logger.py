# Log lines as PythingsOS writes them: "text detail".
from rt import log as _log

DEBUG = 10
INFO = 20
WARNING = 30
ERROR = 40
CRITICAL = 50
level = INFO


def setLevel(number):
    global level
    level = number


def _at(number, write):
    def f(text, *details):
        if number >= level:
            write(" ".join([str(text)] + [str(d) for d in details]))

    return f


debug = _at(DEBUG, _log.info)
info = _at(INFO, _log.info)
warning = _at(WARNING, _log.warn)
error = _at(ERROR, _log.error)
critical = _at(CRITICAL, _log.error)
