package broker

// kids are the nodes below a node, by their level. Most have one or a few: a map would
// take more room than all else of a node.
type kids[N any] struct {
	few  []kid[N]
	many map[string]*N
}

type kid[N any] struct {
	level string
	node  *N
}

// fewKids is how many are looked through one by one.
const fewKids = 6

func (k *kids[N]) get(level string) *N {
	if k.many != nil {
		return k.many[level]
	}
	for i := range k.few {
		if k.few[i].level == level {
			return k.few[i].node
		}
	}
	return nil
}

// add puts a node in whose level is not there.
func (k *kids[N]) add(level string, n *N) {
	if k.many == nil && len(k.few) < fewKids {
		k.few = append(k.few, kid[N]{level, n})
		return
	}
	if k.many == nil {
		k.many = make(map[string]*N, 2*fewKids)
		for _, e := range k.few {
			k.many[e.level] = e.node
		}
		k.few = nil
	}
	k.many[level] = n
}

func (k *kids[N]) remove(level string) {
	if k.many != nil {
		delete(k.many, level)
		if len(k.many) == 0 {
			k.many = nil
		}
		return
	}
	for i := range k.few {
		if k.few[i].level == level {
			last := len(k.few) - 1
			k.few[i] = k.few[last]
			k.few[last] = kid[N]{}
			if k.few = k.few[:last]; last == 0 {
				k.few = nil
			}
			return
		}
	}
}

func (k *kids[N]) len() int { return len(k.few) + len(k.many) }

// each calls visit until it gives false.
func (k *kids[N]) each(visit func(*N) bool) bool {
	for i := range k.few {
		if !visit(k.few[i].node) {
			return false
		}
	}
	for _, n := range k.many {
		if !visit(n) {
			return false
		}
	}
	return true
}
