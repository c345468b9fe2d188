package sqlite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/roost-iot/roost"
)

// Agents gives what is known of all things of the runtime, of all projects.
func (s *Store) Agents(ctx context.Context) ([]roost.Agent, error) {
	return list(ctx, s, "read things of the runtime", scanAgent, `SELECT project, thing, key, n, facts FROM agents ORDER BY project, thing`)
}

func scanAgent(row scanner) (a roost.Agent, err error) {
	var ref roost.Ref
	var key []byte
	var n int64
	var facts string
	if err = row.Scan(&ref.Project, &ref.Thing, &key, &n, &facts); err != nil {
		return a, err
	}
	if err = json.Unmarshal([]byte(facts), &a); err != nil {
		return a, fmt.Errorf("facts of %s: %w", ref, err)
	}
	if a.Meta == "null" { // as no value is written
		a.Meta = ""
	}
	a.Ref, a.N = ref, n
	copy(a.Key[:], key)
	return a, nil
}

const saveAgent = `INSERT INTO agents (project, thing, key, n, facts) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT (project, thing) DO UPDATE SET key = excluded.key, n = max(n, excluded.n), facts = excluded.facts`

// SaveAgent inserts or replaces what is known of one thing. N never falls.
func (s *Store) SaveAgent(ctx context.Context, a roost.Agent) error {
	facts, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode facts: %w", err)
	}
	return s.writeSmall(ctx, "save thing of the runtime", func(t *txn) error { return t.saveAgent(a, facts) })
}

func (t *txn) saveAgent(a roost.Agent, facts []byte) error {
	return inProject(t.exec(saveAgent, a.Project, a.Thing, a.Key[:], a.N, string(facts)), a.Project)
}

// DeleteAgent forgets a thing's key and all that it said of itself, its starts and its part in crashes too.
func (s *Store) DeleteAgent(ctx context.Context, ref roost.Ref) error {
	return s.writeSmall(ctx, "delete thing of the runtime", func(t *txn) error {
		if err := t.exec(`DELETE FROM crash_things WHERE project = ? AND thing = ?`, ref.Project, ref.Thing); err != nil {
			return err
		}
		if err := t.exec(`DELETE FROM boots WHERE project = ? AND thing = ?`, ref.Project, ref.Thing); err != nil {
			return err
		}
		return t.exec(`DELETE FROM agents WHERE project = ? AND thing = ?`, ref.Project, ref.Thing)
	})
}

// AgentRelease gives the text of a release; ok is false when none was made.
func (s *Store) AgentRelease(ctx context.Context, key string) (text string, ok bool, err error) {
	return one(ctx, s, "read a release", scanWord, `SELECT text FROM agent_releases WHERE key = ?`, key)
}

func scanWord(row scanner) (text string, err error) {
	err = row.Scan(&text)
	return text, err
}

const saveRelease = `INSERT INTO agent_releases (key, text) VALUES (?, ?) ON CONFLICT (key) DO NOTHING`

// SaveAgentRelease keeps a release with those of its files that are kept nowhere else. The
// text of one that is there already stays as it is, and is what SaveAgentRelease gives.
func (s *Store) SaveAgentRelease(ctx context.Context, r roost.Release, files map[roost.Digest][]byte) (text string, err error) {
	err = s.write(ctx, "save a release", func(t *txn) error {
		n, err := t.change(saveRelease, r.Key, r.Text)
		if err != nil || n == 0 {
			return err
		}
		for digest, content := range files {
			if err := t.exec(`INSERT INTO agent_files (digest, content) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`, digest[:], content); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	text, _, err = s.AgentRelease(ctx, r.Key)
	return text, err
}

// AgentFile gives a file of a release; roost.NotFound.
func (s *Store) AgentFile(ctx context.Context, d roost.Digest) ([]byte, error) {
	content, ok, err := one(ctx, s, "read file of a release", func(row scanner) (b []byte, err error) {
		err = row.Scan(&b)
		return b, err
	}, `SELECT content FROM agent_files WHERE digest = ?1 UNION ALL SELECT content FROM runtime_files WHERE digest = ?1 LIMIT 1`, d[:])
	if err == nil && !ok {
		return nil, roost.Errorf(roost.NotFound, "There is no such file.")
	}
	return content, err
}

// Signatures gives those of a release, the latest first.
func (s *Store) Signatures(ctx context.Context, release string) ([]roost.Signature, error) {
	return list(ctx, s, "read signatures", func(row scanner) (g roost.Signature, err error) {
		var ms int64
		err = row.Scan(&g.Release, &g.Owner, &g.Public, &g.Text, &g.By, &ms)
		g.At = at(ms)
		return g, err
	}, `SELECT release, owner, public, sig, made_by, at_ms FROM release_signatures WHERE release = ? ORDER BY at_ms DESC`, release)
}

// SaveSignatures inserts or replaces owners' signatures of releases, all or none.
func (s *Store) SaveSignatures(ctx context.Context, all []roost.Signature) error {
	return s.write(ctx, "save signatures", func(t *txn) error {
		for _, g := range all {
			if err := t.saveSignature(g); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *txn) saveSignature(g roost.Signature) error {
	return t.exec(`INSERT INTO release_signatures (release, owner, public, sig, made_by, at_ms) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (release, owner) DO UPDATE SET public = excluded.public, sig = excluded.sig, made_by = excluded.made_by, at_ms = excluded.at_ms`,
		g.Release, g.Owner, g.Public, g.Text, g.By, ms(g.At))
}

// Resumed gives the rollouts of all projects that a person let go on.
func (s *Store) Resumed(ctx context.Context) (all []string, err error) {
	return list(ctx, s, "read resumed rollouts", scanWord, `SELECT rollout FROM resumed`)
}

// SaveResumed keeps that a person lets a rollout go on.
func (s *Store) SaveResumed(ctx context.Context, p roost.ProjectID, rollout string) error {
	return s.writeSmall(ctx, "save resumed rollout", func(t *txn) error {
		return inProject(t.exec(`INSERT INTO resumed (project, rollout) VALUES (?, ?) ON CONFLICT DO NOTHING`, p, rollout), p)
	})
}
