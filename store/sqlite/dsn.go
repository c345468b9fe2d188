package sqlite

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// Sizes of the write-ahead log, in pages of 4 kB and in bytes. A writer folds it
// back by itself only when the timer has failed to.
const (
	autoCheckpointPages = 20_000
	keepLogBytes        = 64 << 20
)

// How long a connection waits for a lock, in milliseconds. A full checkpoint
// holds writers up while it waits for readers, so it gives up soon.
const (
	busy       = 10_000
	busyUpkeep = 200
)

// writerDSN names the file with the pragmas of a connection that writes.
func writerDSN(path string, durable bool, busy int) string {
	synchronous := "synchronous(NORMAL)"
	if durable {
		synchronous = "synchronous(FULL)"
	}
	return dsn(path, url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", busy), // first: the others may have to wait
			"journal_mode(WAL)", synchronous, "foreign_keys(1)", "temp_store(MEMORY)",
			fmt.Sprintf("wal_autocheckpoint(%d)", autoCheckpointPages),
			fmt.Sprintf("journal_size_limit(%d)", keepLogBytes), "cache_size(-32000)",
		},
	})
}

// readerDSN names the file for connections that only read.
func readerDSN(path string) string {
	return dsn(path, url.Values{
		"mode":    {"ro"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", busy), "query_only(1)", "temp_store(MEMORY)", "cache_size(-8000)"},
	})
}

// dsn writes path as a file: URI; "?", "#" and "%" in it are escaped, and
// Windows' drive letter gets the slash that SQLite wants before it.
func dsn(path string, q url.Values) string {
	path = filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" && !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + q.Encode()
}
