package jobs

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Count is how many jobs of one kind are in one state: Waiting, Sending, Failing or Dead. Oldest is when the first of them was
// queued.
type Count struct {
	Kind   string
	State  string
	Jobs   int64
	Oldest time.Time
}

// Kinds returns the kinds of jobs.
func Kinds() []string { return []string{Mail{}.Kind(), cleanup{}.Kind()} }

// States returns the states of a job that has not succeeded.
func States() []string { return []string{Waiting, Sending, Failing, Dead} }

// countQuery reads the jobs that have not succeeded by the index on their state, and none of those that have.
const countQuery = `SELECT kind, CASE
  WHEN state IN ('discarded', 'cancelled') THEN '` + Dead + `'
  WHEN state = 'running' THEN '` + Sending + `'
  WHEN attempt > 0 THEN '` + Failing + `'
  ELSE '` + Waiting + `' END AS shown, count(*), %s
FROM river_job
WHERE state IN ('available', 'cancelled', 'discarded', 'retryable', 'running', 'scheduled')
GROUP BY kind, shown`

// Counts returns how many jobs there are that have not succeeded. A kind and state without any has no count.
func (q *Queue) Counts(ctx context.Context) (counts []Count, err error) {
	rows, err := q.db.QueryContext(ctx, fmt.Sprintf(countQuery, q.oldest))
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var (
			count  Count
			oldest sql.NullInt64
		)
		if err := rows.Scan(&count.Kind, &count.State, &count.Jobs, &oldest); err != nil {
			return nil, fmt.Errorf("count jobs: %w", err)
		}
		count.Oldest = time.Unix(oldest.Int64, 0)
		counts = append(counts, count)
	}
	return counts, rows.Err()
}
