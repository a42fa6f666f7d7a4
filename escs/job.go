package escs

import (
	"context"
	"errors"

	"github.com/openpragma/engine/gameinstance"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// JobName is the name of the end-of-game job that sends results, for the After of
// other jobs.
const JobName = "escs-results"

// SendResultsToEscsJob sends the results of a game that was made for a set (escs
// §7, F20 to F29). List what [Service.ResultsJob] returns in the Jobs of the game
// instance service; a studio's own job may embed this one.
//
// For other games it does nothing. For those of sets it asks the
// [ResultsTransformer] for the scores, writes them to the outbox and, with
// inlineFirstAttempt, makes the first attempt to send them. What happens then is
// not its concern: it never fails because the platform does.
type SendResultsToEscsJob struct {
	// Service is whose sets they are.
	Service *Service
}

var (
	_ gameinstance.EndOfGameJob = (*SendResultsToEscsJob)(nil)
	_ pragma.DocumentedClass    = (*SendResultsToEscsJob)(nil)
)

// ResultsJob returns the job to list in [gameinstance.Service].Jobs. It may be
// asked for before the service is mounted.
func (s *Service) ResultsJob() gameinstance.Job {
	return gameinstance.Job{Name: JobName, Run: &SendResultsToEscsJob{Service: s}}
}

// resultsOf lets a job that embeds this one be recognised.
func (j *SendResultsToEscsJob) resultsOf() *Service { return j.Service }

// DocumentedClass implements [pragma.DocumentedClass].
func (j *SendResultsToEscsJob) DocumentedClass() string {
	return "matchlifecycle.escs.DefaultEscsMatchEndPlugin"
}

// mountJob finds the job in the game instance service, and lets configuration files
// name it where the documentation does (escs §5).
func (s *Service) mountJob(m *pragma.Mount) error {
	for _, j := range s.Games.Jobs {
		if own, ok := j.Run.(interface{ resultsOf() *Service }); ok && own.resultsOf() == s {
			return errors.Join(
				pragma.MountPlugin(m, "GameInstanceService.endOfGameJobs", j.Run),
				pragma.MountPlugin(m, "MatchLifecycleService.matchEndPlugin", j.Run),
			)
		}
	}
	return errors.New("escs.Service.Games has no job that sends results: list Service.ResultsJob() in its Jobs")
}

// errNotMounted is a job whose service is not in the list of the server.
var errNotMounted = errors.New("the service of external tournaments is not mounted")

// OnGameInstanceEnded implements [gameinstance.EndOfGameJob]. It may be called
// again for the same game: the first results count.
func (j *SendResultsToEscsJob) OnGameInstanceEnded(ctx context.Context, r *gameinstance.GameInstanceEndedRequest) error {
	s := j.Service
	if s == nil || s.results == nil {
		return entity.Permanent(errNotMounted)
	}
	if r.Reason != gameinstance.GameEnded {
		return nil // broken off: nobody has won, and the deadline says so (escs F19)
	}
	st, err := s.setOfGame(ctx, r.GameInstanceID)
	if st == nil || err != nil {
		return err
	}
	return s.results.take(ctx, st, r)
}
