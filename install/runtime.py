def _cat(n, k):
 try:
  with open(n, 'rb') as f:
   d = f.read(k)
 except OSError:
  return _say('-')
 _say('+' + _b.b2a_base64(d).decode().strip())
def _cp(a, b):
 m = bytearray(256)
 with open(a, 'rb') as f:
  with open(b, 'wb') as g:
   while 1:
    k = f.readinto(m)
    if not k:
     break
    g.write(memoryview(m)[:k])
def _tree(d):
 o = []
 def go(d):
  try:
   l = os.listdir(d)
  except OSError:
   return
  for n in l:
   p = d + '/' + n
   if os.stat(p)[0] & 0x4000:
    go(p)
   else:
    o.append(p)
 go(d)
 _say(*o)
def _more():
 s = 0
 try:
  import esp
  s = esp.flash_size()
 except (ImportError, AttributeError):
  pass
 try:
  import network
  u = network.WLAN(0).config('mac')
 except Exception:
  try:
   import machine
   u = machine.unique_id()[-6:]
  except Exception:
   u = b''
 w = getattr(sys.modules.get('rt.hal'), '_wdt', None) is not None
 _say(getattr(sys.implementation, '_mpy', 0) & 255, s, _b.hexlify(u).decode(), int(w))
