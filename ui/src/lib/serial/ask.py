def _mem():
 gc.collect()
 _say(gc.mem_free() if hasattr(gc, 'mem_free') else -1)
def _there(*n):
 r = ''
 for x in n:
  try:
   os.stat(x)
   r += '1'
  except OSError:
   r += '0'
 _say(r)
def _rt():
 try:
  if '/_f' not in sys.path:
   sys.path.insert(0, '/_f')
  import rt
  del sys.modules['rt']
  _say(rt.VERSION)
 except Exception:
  _say('')
def _scan():
 import network
 w = network.WLAN(network.STA_IF)
 w.active(True)
 _feed()
 s = {}
 for x in w.scan():
  try:
   n = x[0].decode()
  except Exception:
   continue
  if n and n not in s:
   s[n] = x[3]
 _say(*[_b.b2a_base64(n.encode()).decode().strip() + ' ' + str(s[n]) for n in s])
