# What PythingsOS offers to apps of its calls: a status in a report.
from rt import log as _log


def report(what, status, message=None):
    write = _log.info if str(status)[:2] == "OK" else _log.error
    write("%s: %s %s" % (what, status, "" if message is None else message))
