package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
)

// ErrMailNotFound means that the queue has no mail with this id, or that it has been sent.
var ErrMailNotFound = errors.New("there is no such unsent mail")

// The states of an unsent mail.
const (
	Waiting = "waiting" // no attempt has been made yet
	Sending = "sending" // an attempt is running
	Failing = "failing" // the last attempt failed, and another will follow
	Dead    = "dead"    // no further attempt will follow, unless by Retry
)

// Unsent is a mail that has not been sent. Since is when it was queued. LastError is that of the last failed attempt, or
// empty. NextTry is zero if the mail is Dead.
type Unsent struct {
	ID        int64
	Mail      Mail
	State     string
	Tries     int
	Since     time.Time
	NextTry   time.Time
	LastError string
}

const maxListed = 1000

// Unsent returns the mails that have not been sent, oldest first and at most 1000.
func (q *Queue) Unsent(ctx context.Context) ([]Unsent, error) {
	return q.list(ctx, rivertype.JobStateAvailable, rivertype.JobStateScheduled, rivertype.JobStateRetryable,
		rivertype.JobStateRunning, rivertype.JobStateDiscarded, rivertype.JobStateCancelled)
}

func (q *Queue) list(ctx context.Context, states ...rivertype.JobState) ([]Unsent, error) {
	found, err := q.client.JobList(ctx, river.NewJobListParams().Kinds(Mail{}.Kind()).First(maxListed).States(states...).
		OrderBy(river.JobListOrderByID, river.SortOrderAsc))
	if err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	unsent := make([]Unsent, len(found.Jobs))
	for i, job := range found.Jobs {
		if unsent[i], err = newUnsent(job); err != nil {
			return nil, err
		}
	}
	return unsent, nil
}

func newUnsent(job *rivertype.JobRow) (Unsent, error) {
	mail := Unsent{ID: job.ID, State: stateOf(job), Tries: job.Attempt, Since: job.CreatedAt}
	if err := json.Unmarshal(job.EncodedArgs, &mail.Mail); err != nil {
		return Unsent{}, fmt.Errorf("mail %d: %w", job.ID, err)
	}
	if mail.State != Dead {
		mail.NextTry = job.ScheduledAt
	}
	if last := len(job.Errors); last > 0 {
		mail.LastError = job.Errors[last-1].Error
	}
	return mail, nil
}

func stateOf(job *rivertype.JobRow) string {
	switch {
	case job.State == rivertype.JobStateDiscarded || job.State == rivertype.JobStateCancelled:
		return Dead
	case job.State == rivertype.JobStateRunning:
		return Sending
	case len(job.Errors) > 0:
		return Failing
	default:
		return Waiting
	}
}

// RetryDead schedules one more attempt of every dead mail, and returns their number.
func (q *Queue) RetryDead(ctx context.Context) (retried int, err error) {
	for {
		dead, err := q.list(ctx, rivertype.JobStateDiscarded, rivertype.JobStateCancelled)
		if err != nil || len(dead) == 0 {
			return retried, err
		}
		for _, mail := range dead {
			if err := q.Retry(ctx, mail.ID); err != nil {
				return retried, err
			}
			retried++
		}
	}
}

// Retry makes an unsent mail due at once, and allows a dead one another attempt. It fails with ErrMailNotFound if no unsent
// mail has this id.
func (q *Queue) Retry(ctx context.Context, id int64) error {
	job, err := q.client.JobGet(ctx, id)
	if errors.Is(err, river.ErrNotFound) || err == nil && (job.Kind != Mail{}.Kind() || job.State == rivertype.JobStateCompleted) {
		return ErrMailNotFound
	}
	if err != nil {
		return fmt.Errorf("look up mail %d: %w", id, err)
	}
	if _, err := q.client.JobRetry(ctx, id); err != nil {
		return fmt.Errorf("retry mail %d: %w", id, err)
	}
	return nil
}
