//go:build !unix

package bench

// moreFiles tells how many connections this process may open.
func moreFiles() int { return maxConnections + 1000 }
