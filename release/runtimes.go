package release

// AddRuntime makes a version of Roost's own runtime one that settings may ask for.
func (r *Releases) AddRuntime(version string) { r.runtimes.Store(version, true) }

func (r *Releases) hasRuntime(version string) bool {
	_, ok := r.runtimes.Load(version)
	return ok
}

// DropRuntime makes it one that they may not; roost.Conflict while a pool or a thing does.
func (r *Releases) DropRuntime(version string) error {
	r.asked.Lock()
	defer r.asked.Unlock()
	r.runtimes.Delete(version)
	err := r.running(version)
	if err != nil {
		r.AddRuntime(version)
	}
	return err
}

// Asking counts the pools and the things whose own settings ask for an OS, by what they say.
func (r *Releases) Asking(os string) (pools, things int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, e := range r.order {
		for _, p := range e.pools {
			if !e.app.Hidden && p.Settings.OS == os {
				pools++
			}
		}
	}
	for _, t := range r.things {
		if t.Own.OS != nil && *t.Own.OS == os {
			things++
		}
	}
	return pools, things
}
