# Fills the slot that does not run, and switches to it.
import json
import os

from rt import fetch, hal, release, rom, slots

ROOM = 16384  # what is left free
BLOCK = 4096


class NoRoom(Exception):
    pass


def _blocks(n):
    return (n + BLOCK - 1) // BLOCK


def _other(kind, run):
    a, b = slots.DIRS[kind]
    return b if run == a else a


def _plan(new, run, files, use):  # name: None it is there, True it is in the slot that runs, False it has to come
    plan = {}
    need = 0
    for n in use:
        plan[n] = None
        if not release.same(new, n, files[n]):
            plan[n] = n != rom.FILE and bool(run) and release.same(run, n, files[n])
            need += 1 if n == rom.FILE else _blocks(files[n][0]) + 1
    for n in release.walk(slots.at(new)):
        if n not in plan or plan[n] is not None:
            need -= _blocks(os.stat(slots.at(new + "/" + n))[6])
    if hal.flash_free() < need * BLOCK + ROOM:
        raise NoRoom("there is no room")
    return plan


def clear(top, plan):  # of all that is neither right nor a part of what has to come
    slots.drop(top + "/_r")  # from here on nobody takes it for a version
    for n in list(release.walk(top)):
        if n in plan and plan[n] is None:
            continue
        if n[-2:] != ".n" or plan.get(n[:-2]) is not False:
            os.remove(top + "/" + n)
    for d in list(release.walk(top, "", True)):  # an empty folder hides a module of its name
        if not os.listdir(top + "/" + d):
            os.rmdir(top + "/" + d)


async def install(link, s, r, e, text, progress=None):
    kind, files, use = r["kind"], r["files"], e["use"]
    run = s["run"]
    new = _other(kind, run)
    plan = _plan(new, run, files, use)
    top = slots.at(new)
    if not slots.there(top):
        os.mkdir(top)
    clear(top, plan)
    try:
        await _bring(link, top, run and slots.at(run), files, use, plan, progress)
        if not release.whole(new, use, files):
            raise ValueError("the flash gives back something else")
        slots.put(top + "/_r", json.dumps([e["n"], use]) + "\n" + text)
        # by one rename; before it nothing has changed for what runs
        slots.save(
            kind,
            {"run": new, "ver": r["ver"], "prev": run, "pver": s["ver"], "try": 0, "bad": s["bad"], "n": e["n"]},
        )
    except OSError as x:
        if fetch.full(x):  # what runs needs room, too
            clear(top, {})
            raise NoRoom("there is no room")
        raise


async def _bring(link, top, run, files, use, plan, progress):
    of = sum([files[n][0] for n in use])
    done = 0

    def more(n):
        nonlocal done
        done += n
        if progress:
            progress(done, of)

    for n in use:
        if plan[n] is None:
            more(files[n][0])
            continue
        dst = top + "/" + n
        if "/" in n and not slots.there(dst.rsplit("/", 1)[0]):
            os.mkdir(dst.rsplit("/", 1)[0])
        if n == rom.FILE:
            await fetch.fetch(link, files[n], dst + ".n", more, rom.Sink)
            slots.drop(dst + ".n")
            continue
        if plan[n]:
            fetch.copy(run + "/" + n, dst + ".n")
            more(files[n][0])
        else:
            await fetch.fetch(link, files[n], dst + ".n", more)
        os.rename(dst + ".n", dst)
        await hal.sleep_ms(0)
