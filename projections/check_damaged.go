package projections

import (
	"context"
	"fmt"

	"github.com/tillbook/tillbook/eventstore"
)

// passedOver names every event that the read models have passed over: the tables lack what it says, even
// where nothing else in the log shows it. An event that nobody can read is named by its stream, too.
func (c *checker) passedOver(ctx context.Context) error {
	rows, err := c.tables.QueryContext(ctx,
		"SELECT stream, revision, type, reason FROM damaged ORDER BY position")
	if err != nil {
		return fmt.Errorf("read damaged: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var stream, kind, reason string
		var revision eventstore.Revision
		if err := rows.Scan(&stream, &revision, &kind, &reason); err != nil {
			return fmt.Errorf("read damaged: %w", err)
		}
		c.report.add("damaged", stream, revision, "%.40s is passed over: %s", kind, reason)
	}
	return rows.Err()
}
