package exchange

// Remembered is the number of messages in the duplicate cache.
func (e *Endpoint) Remembered() int { return e.seen.size() }

// Transfers is the number of block-wise transfers under way as a server.
func (e *Endpoint) Transfers() int { return e.uploads.size() + e.downloads.size() }

// Observers is the number of remotes that observe something here.
func (e *Endpoint) Observers() int {
	e.watched.mu.Lock()
	defer e.watched.mu.Unlock()
	return e.watched.count
}

// size is the number of entries.
func (d *duplicates) size() (n int) {
	for i := range d.shards {
		d.shards[i].mu.Lock()
		n += int(d.shards[i].next - d.shards[i].first)
		d.shards[i].mu.Unlock()
	}
	return n
}

func (t *transfers[T]) size() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.of)
}
