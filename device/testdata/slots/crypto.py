from binascii import unhexlify

from rt.ed25519 import verify

try:
    ROOT
except NameError:
    ROOT = ""
import asyncio

n = 0
with open(ROOT + "/vectors.txt") as f:
    for line in f:
        name, public, message, sig, ok = line.split()
        public, message, sig = [unhexlify(x[:-1]) for x in (public, message, sig)]
        if str(asyncio.run(verify(public, message, sig))).lower() != ok:
            print("wrong:", name)
            break
        n += 1
print(n, "signatures are as they should")
