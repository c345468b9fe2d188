def _more():
 _say(getattr(sys.implementation, '_mpy', 0) & 255, gc.mem_free() if hasattr(gc, 'mem_free') else -1)
def _there(*n):
 r = ''
 for x in n:
  try:
   os.stat(x)
   r += '1'
  except OSError:
   r += '0'
 _say(r)
def _read(n):
 try:
  with open(n, 'rb') as f:
   _say('+' + _b.b2a_base64(f.read(4096)).decode().strip())
 except OSError:
  _say('-')
def _rt():
 try:
  if '/_f' not in sys.path:
   sys.path.insert(0, '/_f')
  import rt
  _say(rt.VERSION)
 except Exception:
  _say('')
def _id():
 try:
  import json
  with open('/_s/key') as f:
   _say(json.load(f)['id'])
 except Exception:
  _say('')
def _scan():
 import network
 w = network.WLAN(network.STA_IF)
 w.active(True)
 s = {}
 for x in w.scan():
  try:
   n = x[0].decode()
  except Exception:
   continue
  if n and n not in s:
   s[n] = x[3]
 _say(*[_b.b2a_base64(n.encode()).decode().strip() + ' ' + str(s[n]) for n in s])
def _wipe(d):
 try:
  l = os.listdir(d)
 except OSError:
  return
 for n in l:
  p = d + '/' + n
  try:
   os.remove(p)
  except OSError:
   _wipe(p)
 try:
  os.rmdir(d)
 except OSError:
  pass
