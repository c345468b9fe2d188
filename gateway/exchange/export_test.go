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
