package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

// Job is an end-of-game job: something to do after each game, such as sending
// its results to somebody. List it in [Service].Jobs.
type Job struct {
	// Name tells the job from the others. It is stored with what is still to be
	// done, so it must not change. It has at most 40 bytes.
	Name string
	// After names jobs that must have succeeded for a game before this one runs
	// for it. Jobs that do not wait for each other run at the same time.
	After []string
	// Run does the job.
	Run EndOfGameJob
}

// EndOfGameJob does something after a game (engine §5.9).
type EndOfGameJob interface {
	// OnGameInstanceEnded is called after the end of an instance is committed,
	// however it came: ended, terminated, expired, or reported by a server for an
	// instance that was not known. It cannot delay or undo the end.
	//
	// It is called at least once per job and instance, also after a restart, so
	// it must recognise an instance it has dealt with. It has 30 s and must heed
	// ctx. After an error or a panic it is called again, with a back-off from 1 s
	// to 5 min; after 24 h the job is given up for this instance, see
	// [Service.DeadJobs]. An error of [entity.Permanent] gives up at once, one of
	// [entity.RetryAfter] says when to call again. Calls for different instances
	// run at the same time, up to 32 of a job on a node. The request belongs to
	// the job.
	OnGameInstanceEnded(ctx context.Context, r *GameInstanceEndedRequest) error
}

// GameEndReason says how a game is over.
type GameEndReason string

// How a game may be over.
const (
	GameEnded      GameEndReason = "ENDED"      // [Instance.End]
	GameTerminated GameEndReason = "TERMINATED" // broken off
	GameExpired    GameEndReason = "EXPIRED"    // nobody used it
)

// GameInstanceEndedRequest is for [EndOfGameJob].
type GameInstanceEndedRequest struct {
	GameInstanceID pragma.GameInstanceID
	EndedAt        time.Time // store time
	Reason         GameEndReason
	// TerminationReason is why, as clients and servers are told: ENDED, PLUGIN,
	// OPERATOR, EXPIRED, KEEP_ALIVE_FAILED, ABSOLUTE_TIMEOUT_ELAPSED,
	// CONNECT_PLAYERS_TIMEOUT or ALLOCATION_FAILED.
	TerminationReason string
	// Players are those who were there at the end, in the order of joining, then
	// those who left early, in the order of leaving (the last 1024), then, if the instance was not
	// known, those of whom only the report of its server tells.
	Players []EndedPlayer
	// RequestExt is what came with the report of the end (ExtEndGameRequest).
	RequestExt ext.Value
	// Parties are those with which matchmaking made the instance, with their
	// ExtMatchmakingParty.
	Parties []MatchedParty
}

// EndedPlayer is a player of a game that is over.
type EndedPlayer struct {
	PlayerID   pragma.PlayerID `json:"playerId"`
	PartyID    pragma.PartyID  `json:"partyId,omitzero"` // zero: none
	TeamNumber int64           `json:"teamNumber,omitzero"`
	// Result is what the report of the end says of him; nil: nothing. Should it
	// name him twice, the last one counts.
	Result *PlayerGameResult `json:"result,omitzero"`
	// LeftEarly says that he was removed before the end, and RemoveExt what came
	// with that (ExtBackendRemovePlayer).
	LeftEarly bool      `json:"leftEarly,omitzero"`
	RemoveExt ext.Value `json:"removeExt,omitzero"`
}

// Limits of what is kept for jobs. Beyond them a call is refused with
// [pragma.ErrTooLarge] and changes nothing, whether there are jobs or not.
const (
	// MaxResultBytes is the largest ext of a result, of a removal and of the
	// report of an end.
	MaxResultBytes = 384 << 10
	// MaxResultsBytes is how large all results of one report are together.
	MaxResultsBytes = 4 << 20
	// MaxRemoveBytes is how large the exts of all removals of an instance are
	// together.
	MaxRemoveBytes = 512 << 10
)

// DeadJob is a job that was given up for an instance.
type DeadJob struct {
	Job            string
	GameInstanceID pragma.GameInstanceID
	Ended          time.Time // when it was first to run
	Attempts       int
	Error          string // the last one
}

// DeadJobs yields the jobs that were given up, job by job. Jobs that wait for one
// of them wait on. It reads all that jobs have to do from the store.
func (s *Service) DeadJobs(ctx context.Context) iter.Seq2[DeadJob, error] {
	return func(yield func(DeadJob, error) bool) {
		for _, j := range s.jobs {
			for d, err := range j.lane.DeadLetters(ctx) {
				id, parseErr := pragma.ParseID[pragma.GameInstanceID](d.Key)
				if err == nil {
					err = parseErr
				}
				dead := DeadJob{Job: j.Name, GameInstanceID: id, Ended: d.Created, Attempts: d.Attempt, Error: d.Error}
				if !yield(dead, err) {
					return
				}
			}
		}
	}
}

// RetryJob lets a job that was given up try again, for 24 h.
// [entity.ErrNotFound] means that it was not given up for this instance.
func (s *Service) RetryJob(ctx context.Context, job string, id pragma.GameInstanceID) error {
	for _, j := range s.jobs {
		if j.Name == job {
			return j.lane.Retry(ctx, id.String())
		}
	}
	return fmt.Errorf("end-of-game job %q: %w", job, entity.ErrNotFound)
}

// DropJob counts a job as done for an instance, whether it was given up, waits,
// or is not in [Service].Jobs any more. Jobs that wait for it go on. An attempt
// that is under way is not stopped. [entity.ErrNotFound] means that this instance
// has no such job to do.
func (s *Service) DropJob(ctx context.Context, job string, id pragma.GameInstanceID) error {
	return s.gameEnds.Update(ctx, id.String(), func(tx *entity.Tx, end *gameEnd) error {
		if at := end.find(job); at < 0 || end.Jobs[at].Stage == jobDone {
			return fmt.Errorf("end-of-game job %q of %s: %w", job, id, entity.ErrNotFound)
		}
		for _, j := range s.jobs {
			if j.Name != job {
				continue
			}
			if err := ignoreNotFound(j.lane.Cancel(tx, id.String())); err != nil {
				return err
			}
		}
		return s.goOn(tx, id.String(), end, job)
	})
}

// checkJobs finds what would never run.
func checkJobs(jobs []Job) error {
	var problems []error
	complain := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("end-of-game job "+format, args...))
	}
	after := make(map[string][]string, len(jobs))
	for _, j := range jobs {
		switch _, twice := after[j.Name]; {
		case j.Name == "" || len(j.Name) > maxJobName:
			complain("%q: a name has 1 to %d bytes", j.Name, maxJobName)
		case j.Name == inventoryJob:
			complain("%q: the name is taken", j.Name)
		case twice:
			complain("%q: listed twice", j.Name)
		case j.Run == nil:
			complain("%q: Run is missing", j.Name)
		}
		after[j.Name] = j.After
	}
	for _, j := range jobs {
		for _, name := range j.After {
			if _, known := after[name]; !known {
				complain("%q waits for %q, which is not listed", j.Name, name)
			}
		}
		if waitsForItself(after, j.Name) {
			complain("%q waits for itself", j.Name)
		}
	}
	return errors.Join(problems...)
}

// waitsForItself follows what a job waits for.
func waitsForItself(after map[string][]string, job string) bool {
	seen := make(map[string]bool)
	for next := slices.Clone(after[job]); len(next) > 0; next = next[1:] {
		if next[0] == job {
			return true
		}
		if !seen[next[0]] {
			seen[next[0]] = true
			next = append(next, after[next[0]]...)
		}
	}
	return false
}

// checkResults refuses what would not fit into records.
func checkResults(requestExt ext.Value, results []PlayerGameResult) error {
	sum := requestExt.Len()
	err := checkExt(requestExt)
	for _, r := range results {
		sum += r.Ext.Len()
		err = errors.Join(err, checkExt(r.Ext))
	}
	if sum > MaxResultsBytes {
		return pragma.ErrTooLarge.With("the results of a game have at most %d bytes", MaxResultsBytes)
	}
	return err
}

func checkExt(v ext.Value) error {
	if v.Len() > MaxResultBytes {
		return pragma.ErrTooLarge.With("an ext that is kept for end-of-game jobs has at most %d bytes", MaxResultBytes)
	}
	return v.Err()
}

// endReason says how an instance is over that is in its last state.
func endReason(s State) GameEndReason {
	switch s {
	case StateTerminated:
		return GameTerminated
	case StateExpired:
		return GameExpired
	}
	return GameEnded
}

// ended is what jobs are told of the instance, which is over.
func (t *turn) ended(r *roster) *GameInstanceEndedRequest {
	req := &GameInstanceEndedRequest{
		GameInstanceID: t.h.ID, EndedAt: t.now, TerminationReason: t.h.Reason.String(),
		RequestExt: t.requestExt, Parties: r.Parties,
	}
	req.Reason = endReason(t.h.State)
	results := make(map[pragma.PlayerID]*PlayerGameResult, len(t.results))
	for i := range t.results {
		results[t.results[i].PlayerID] = &t.results[i]
	}
	add := func(p EndedPlayer) {
		p.Result = results[p.PlayerID]
		delete(results, p.PlayerID)
		req.Players = append(req.Players, p)
	}
	for i := range r.Players {
		m := &r.Players[i]
		add(EndedPlayer{PlayerID: m.PlayerID, PartyID: m.PartyID, TeamNumber: m.TeamNumber})
	}
	for _, l := range r.Left {
		add(EndedPlayer{PlayerID: l.PlayerID, PartyID: l.PartyID, TeamNumber: l.TeamNumber, LeftEarly: true, RemoveExt: l.RemoveExt})
	}
	for _, result := range t.results { // of an instance that was not known
		if results[result.PlayerID] != nil {
			add(EndedPlayer{PlayerID: result.PlayerID})
		}
	}
	return req
}
