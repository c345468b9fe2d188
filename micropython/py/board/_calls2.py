# What _calls.py imports: modules wait while they are imported, too.
import _calls as c

c._learn(0.0)
c.plain(0)
c.keyword()
c.thing.method(0)
c.all()
