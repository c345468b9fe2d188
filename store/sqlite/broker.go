package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// AppendBroker adds an entry to the journal of the MQTT broker and gives its number,
// higher than all before. Durable when it returns.
func (s *Store) AppendBroker(ctx context.Context, entry []byte) (number int64, err error) {
	err = s.writeSmall(ctx, "append to the broker's journal", func(t *txn) error {
		numbers, err := query(t, scanID, `INSERT INTO broker_log (entry) VALUES (?) RETURNING number`, entry)
		if err == nil && len(numbers) != 1 {
			err = errors.New("an entry just added has no number")
		}
		if err != nil {
			return err
		}
		number = numbers[0]
		return nil
	})
	if err != nil {
		return 0, err
	}
	return number, nil
}

// TrimBroker forgets the entries before a number.
func (s *Store) TrimBroker(ctx context.Context, before int64) error {
	return s.writeSmall(ctx, "trim the broker's journal", func(t *txn) error {
		return t.exec(`DELETE FROM broker_log WHERE number < ?`, before)
	})
}

// BrokerEntries calls each for all entries in order. What it gets is its own.
func (s *Store) BrokerEntries(ctx context.Context, each func(number int64, entry []byte) error) error {
	rows, err := s.reader.QueryContext(ctx, `SELECT number, entry FROM broker_log ORDER BY number`)
	if err != nil {
		return s.wrap("read the broker's journal", err)
	}
	return s.wrap("read the broker's journal", eachEntry(rows, each))
}

func eachEntry(rows *sql.Rows, each func(int64, []byte) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var number int64
		var entry []byte
		if err := rows.Scan(&number, &entry); err != nil {
			return fmt.Errorf("read a row: %w", err)
		}
		if err := each(number, entry); err != nil {
			return err
		}
	}
	return rows.Err()
}
