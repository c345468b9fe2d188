package broker

// RewriteFrom makes the journal be written anew once it has so many bytes. Before Run.
func (b *Broker) RewriteFrom(bytes int64) { b.journal.least = bytes }
