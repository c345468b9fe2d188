package sqlite

import (
	"context"

	"github.com/roost-iot/roost"
)

// Runtimes gives the versions of Roost's own runtime that are kept, by their texts.
func (s *Store) Runtimes(ctx context.Context) ([]roost.KeptRuntime, error) {
	return list(ctx, s, "read runtimes", func(row scanner) (r roost.KeptRuntime, err error) {
		var ms int64
		err = row.Scan(&r.Version, &r.Origin, &r.By, &ms)
		r.Added = at(ms)
		return r, err
	}, `SELECT version, origin, made_by, at_ms FROM runtimes ORDER BY version`)
}

// RuntimeReleases gives the releases of a version, by key.
func (s *Store) RuntimeReleases(ctx context.Context, version string) ([]roost.Release, error) {
	prefix := runtimeKeys(version)
	return list(ctx, s, "read releases of a runtime", func(row scanner) (r roost.Release, err error) {
		err = row.Scan(&r.Key, &r.Text)
		return r, err
	}, `SELECT key, text FROM agent_releases WHERE substr(key, 1, length(?)) = ? ORDER BY key`, prefix, prefix)
}

func runtimeKeys(version string) string { return "os/" + version + "/" }

// SaveRuntime keeps a version, or more of one that is kept: releases, the files that they
// name and signatures. What is there already stays as it is, but signatures.
func (s *Store) SaveRuntime(ctx context.Context, r roost.KeptRuntime, releases []roost.Release, files map[roost.Digest][]byte, sigs []roost.Signature) error {
	return s.write(ctx, "save a runtime", func(t *txn) error {
		if err := t.exec(`INSERT INTO runtimes (version, origin, made_by, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (version) DO NOTHING`,
			r.Version, r.Origin, r.By, ms(r.Added)); err != nil {
			return err
		}
		for digest, content := range files {
			if err := t.exec(`INSERT INTO runtime_files (digest, content) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`, digest[:], content); err != nil {
				return err
			}
			if err := t.exec(`INSERT INTO runtime_parts (version, digest) VALUES (?, ?) ON CONFLICT DO NOTHING`, r.Version, digest[:]); err != nil {
				return err
			}
		}
		for _, release := range releases {
			if err := t.exec(saveRelease, release.Key, release.Text); err != nil {
				return err
			}
		}
		for _, g := range sigs {
			if err := t.saveSignature(g); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteRuntime forgets a version with its releases and signatures, and the files that no
// other has.
func (s *Store) DeleteRuntime(ctx context.Context, version string) error {
	prefix := runtimeKeys(version)
	return s.write(ctx, "delete a runtime", func(t *txn) error {
		if err := t.exec(`DELETE FROM agent_releases WHERE substr(key, 1, length(?)) = ?`, prefix, prefix); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM runtimes WHERE version = ?`, version); err != nil {
			return err
		}
		return t.exec(`DELETE FROM runtime_files WHERE NOT EXISTS (SELECT 1 FROM runtime_parts p WHERE p.digest = runtime_files.digest)`)
	})
}
