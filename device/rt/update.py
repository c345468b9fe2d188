# Takes an offered release: refuses first, touches the flash afterwards (docs/protocols/agent.md, Updates).
import json
from binascii import hexlify, unhexlify

from rt import VERSION, hal, rom, slots

_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"


class Refused(Exception):
    pass


class Later(Exception):  # it may do another time
    pass


def _refuse(why):
    raise Refused(why)


async def _genuine(u, key):  # does the owner's signature count here?
    from rt import keys, seal

    k = keys.hkdf(b"", unhexlify(key), b"roost update", 32)
    if hexlify(seal.hmac(k, u["e"].encode(), b"\n", u["r"].encode())).decode() != u["mac"]:
        _refuse("its mac is wrong")
    if not slots.there(slots.at("_s/owner")):
        return False
    with open(slots.at("_s/owner")) as f:
        owner = unhexlify(f.read().strip())
    from rt.ed25519 import verify

    if not await verify(owner, u["r"].encode(), unhexlify(u.get("sig") or "")):
        _refuse("it is not signed by the owner's release key")
    return True


def _version(text):
    return [int(p) if p.isdigit() else 0 for p in text.split("-")[0].split(".")]


def _plain(name, use, files):
    parts = name.split("/")
    if len(parts) > 2 or name == "_r" or name + ".n" in use:
        return False
    for p in parts:
        if not p or p in (".", "..") or [c for c in p if c not in _PLAIN]:
            return False
    if len(parts) == 2 and parts[0] in use:
        return False
    if name[-4:] == ".mpy" and name[:-4] + ".py" in use:  # one of them would hide the other
        return False
    size, sha = files[name]
    return size >= 0 and len(sha) == 64


def _fits(use, files, most):  # is the runtime for where it lies here: in files, or in ROM?
    if (use == [rom.FILE]) != bool(most):
        _refuse("the runtime lies in %s here" % ("ROM" if most else "files"))
    if most and files[rom.FILE][0] > most:
        _refuse("the ROM has %d bytes for it" % most)


async def _check(u):  # gives r and e as objects, and the state of their kind
    with open(slots.at("_s/key")) as f:
        me = json.load(f)
    owned = await _genuine(u, me["key"])
    r = json.loads(u["r"])
    e = json.loads(u["e"])
    use = e["use"]
    s = slots.sound(r["kind"])
    if e["for"] != me["id"]:
        _refuse("it is for " + e["for"])
    if e["n"] <= s["n"]:
        _refuse("it was offered before")
    if owned and not r.get("down") and s["run"]:
        from rt import release

        t = release.read(s["run"])
        if t and r["seq"] < t[2].get("seq", 0):
            _refuse("it is older than what runs")
    if r["ver"] in s["bad"]:
        _refuse("this version failed here")
    for k in slots.DIRS:
        if "try" in (slots.load(k) or ()):
            raise Later("a trial is under way")
    if _version(VERSION) < _version(r.get("min_os") or "0"):
        raise Later("it needs runtime " + r["min_os"])
    if r["kind"] == "os":
        _fits(use, r["files"], rom.size())
    for n in use:
        if not _plain(n, use, r["files"]):
            _refuse("no file can be named %s here" % n)
    if not use:
        _refuse("it has no files")
    return r, e, s


async def apply(link, update, progress=None):  # ("installed", "held" or "refused", why)
    from rt import wait

    how = "held"
    try:
        try:
            r, e, s = await _check(update)
        except (KeyError, TypeError, ValueError, AttributeError) as x:
            raise Refused("it cannot be read: %r" % x)
        finally:
            hal.forget("ed25519", "sha512")
        from rt import fill

        await fill.install(link, s, r, e, update["r"], progress)
        wait.over()
        return "installed", ""
    except Refused as x:
        how, why = "refused", x.args[0]
    except MemoryError:
        why = "there is not enough memory"
    except Exception as x:
        why = str(x) or repr(x)
    wait.longer(update)
    return how, why
