package gameinstance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
	"github.com/openpragma/engine/pragma/ext"
)

const (
	jobTimeout = 30 * time.Second // engine §5.9
	// jobLease is how long an attempt may take with what the service does itself.
	jobLease = jobTimeout + 10*time.Second
	// noteTimeout bounds the commit that notes a job as done, also when the server
	// stops meanwhile.
	noteTimeout    = 5 * time.Second
	jobConcurrency = 32
	// maxJobName keeps the names of lanes within those of records.
	maxJobName = 40
	// endPageBytes is about how much of a request is in one record. With the
	// largest exts it is still less than the store's limit.
	endPageBytes = 256 << 10
)

// job is a job of this server. Every job has a lane of its own, so that a slow
// one does not hold up the others.
type job struct {
	Job
	lane *entity.Lane[struct{}, struct{}] // the key is the instance's id
}

// gameEnd is the record of an instance that is over and whose jobs are not all
// done. It is written in the commit that ends the instance, and goes with the
// last job. What jobs are told is in pages beside it, which do not change.
type gameEnd struct {
	Pages int        `json:"pages"`
	Jobs  []jobState `json:"jobs"`
}

// jobState is a job as it was when the instance ended.
type jobState struct {
	Name  string   `json:"name"`
	After []string `json:"after,omitzero"`
	Stage jobStage `json:"stage,omitzero"`
}

type jobStage string

const (
	jobWaits  jobStage = "" // for others, or for a server that has the job
	jobCalled jobStage = "CALLED"
	jobDone   jobStage = "DONE"
)

// endPage is a piece of a [GameInstanceEndedRequest].
type endPage struct {
	EndedAt           time.Time      `json:"endedAt,omitzero"` // this and the next on the first page only
	Reason            GameEndReason  `json:"reason,omitzero"`
	TerminationReason string         `json:"terminationReason,omitzero"`
	RequestExt        ext.Value      `json:"requestExt,omitzero"`
	Parties           []MatchedParty `json:"parties,omitzero"`
	Players           []EndedPlayer  `json:"players,omitzero"`
}

func (s *Service) mountJobs(m *pragma.Mount) error {
	s.gameEnds = entity.Of(m, "instance-end", entity.Options[gameEnd]{})
	s.endPages = entity.Of(m, "instance-end-page", entity.Options[endPage]{})
	if err := checkJobs(s.Jobs); err != nil {
		return err
	}
	list := slices.Clone(s.Jobs)
	if len(list) > 0 && s.Parties != nil {
		list = append(list, inventories(list, s.Parties))
	}
	for _, def := range list {
		j := &job{Job: def}
		j.lane = entity.NewLane(m, "end-of-game/"+def.Name, entity.LaneOptions[struct{}, struct{}]{
			Deliver: func(ctx context.Context, c *entity.Call[struct{}]) (struct{}, error) {
				return struct{}{}, s.runJob(ctx, j, c.Key)
			},
			Concurrency: jobConcurrency, Timeout: jobLease, // the other defaults are the documented figures
		})
		s.jobs = append(s.jobs, j)
	}
	m.Go("end-of-game jobs", s.resumeJobs)
	return nil
}

// callJobs writes, with the end of the instance, what jobs have to do.
func (t *turn) callJobs(r *roster) error {
	s, id := t.s, t.h.ID.String()
	if len(s.jobs) == 0 {
		return nil
	}
	end, err := s.gameEnds.New(t.tx, id)
	if errors.Is(err, entity.ErrExists) { // an unknown instance, reported anew after an hour
		s.m.Log().WarnContext(t.tx.Context(), "a game ended again while its jobs are not done; they keep the first end", "gameInstanceId", id)
		return nil
	}
	if err != nil {
		return fmt.Errorf("write end of game instance %s: %w", id, err)
	}
	for n, page := range t.ended(r).pages() {
		p, err := s.endPages.New(t.tx, pageID(id, n))
		if err != nil {
			return fmt.Errorf("write end of game instance %s: %w", id, err)
		}
		*p = page
		end.Pages = n + 1
	}
	for _, j := range s.jobs {
		end.Jobs = append(end.Jobs, jobState{Name: j.Name, After: j.After})
	}
	return s.callReady(t.tx, id, end)
}

// callReady puts the jobs into their lanes that wait for nothing any more.
func (s *Service) callReady(tx *entity.Tx, id string, end *gameEnd) error {
	for _, j := range s.jobs {
		at := end.find(j.Name)
		if at < 0 || !end.ready(at) {
			continue
		}
		if err := j.lane.Call(tx, id, struct{}{}); err != nil {
			return fmt.Errorf("call end-of-game job %s: %w", j.Name, err)
		}
		end.Jobs[at].Stage = jobCalled
	}
	return nil
}

// runJob is one attempt.
func (s *Service) runJob(ctx context.Context, j *job, id string) error {
	end, err := s.gameEnds.Read(ctx, id)
	if errors.Is(err, entity.ErrNotFound) || err == nil && end.isDone(j.Name) {
		return nil // done before, but that was not noted in the lane
	}
	if err != nil {
		return err
	}
	req, err := s.readEnd(ctx, id, end.Pages)
	if err != nil {
		return err
	}
	jobCtx, cancel := context.WithTimeoutCause(ctx, jobTimeout, fmt.Errorf("end-of-game job took longer than %v", jobTimeout))
	defer cancel()
	if err := j.Run.OnGameInstanceEnded(jobCtx, req); err != nil {
		return err
	}
	// Not in the update that empties the lane: several jobs of an instance often
	// finish at once, and would have to run again after too many conflicts.
	ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	err = s.gameEnds.Update(ctx, id, func(tx *entity.Tx, end *gameEnd) error {
		return s.goOn(tx, id, end, j.Name)
	})
	return ignoreNotFound(err)
}

// goOn notes that a job is done, and lets those run that waited for it. After the
// last one nothing is kept.
func (s *Service) goOn(tx *entity.Tx, id string, end *gameEnd, done string) error {
	if at := end.find(done); at >= 0 {
		end.Jobs[at].Stage = jobDone
	}
	if slices.ContainsFunc(end.Jobs, func(j jobState) bool { return j.Stage != jobDone }) {
		return s.callReady(tx, id, end)
	}
	for n := range end.Pages {
		if err := ignoreNotFound(s.endPages.Delete(tx, pageID(id, n))); err != nil {
			return err
		}
	}
	return s.gameEnds.Delete(tx, id)
}

// resumeJobs looks, once after a start, for jobs that no server had when their
// turn came, and names those that this one does not have either.
func (s *Service) resumeJobs(ctx context.Context) {
	missing := make(map[string]int)
	for item, err := range s.gameEnds.List(ctx, "", "") {
		if err == nil {
			err = s.resume(ctx, item.ID, item.State, missing)
		}
		if err != nil && ctx.Err() == nil {
			s.m.Log().WarnContext(ctx, "cannot look after the jobs of a game", "gameInstanceId", item.ID, "err", err)
		}
	}
	for name, games := range missing {
		s.m.Log().WarnContext(ctx, "games wait for an end-of-game job that this server does not have", "job", name, "games", games)
	}
}

func (s *Service) resume(ctx context.Context, id string, end *gameEnd, missing map[string]int) error {
	ready := false
	for at, j := range end.Jobs {
		known := slices.ContainsFunc(s.jobs, func(own *job) bool { return own.Name == j.Name })
		ready = ready || known && end.ready(at)
		if !known && j.Stage != jobDone {
			missing[j.Name]++
		}
	}
	if !ready {
		return nil
	}
	return ignoreNotFound(s.gameEnds.Update(ctx, id, func(tx *entity.Tx, end *gameEnd) error { return s.callReady(tx, id, end) }))
}

func (e *gameEnd) find(job string) int {
	return slices.IndexFunc(e.Jobs, func(j jobState) bool { return j.Name == job })
}

func (e *gameEnd) isDone(job string) bool {
	at := e.find(job)
	return at >= 0 && e.Jobs[at].Stage == jobDone
}

// ready reports whether a job has yet to be called and waits for no other.
func (e *gameEnd) ready(at int) bool {
	j := &e.Jobs[at]
	return j.Stage == jobWaits && !slices.ContainsFunc(j.After, func(name string) bool { return !e.isDone(name) })
}

// pages cuts a request into pieces that fit into records.
func (r *GameInstanceEndedRequest) pages() []endPage {
	list := []endPage{{EndedAt: r.EndedAt, Reason: r.Reason, TerminationReason: r.TerminationReason, RequestExt: r.RequestExt}}
	size := r.RequestExt.Len()
	page := func(bytes int) *endPage {
		if size > 0 && size+bytes > endPageBytes {
			list, size = append(list, endPage{}), 0
		}
		size += bytes
		return &list[len(list)-1]
	}
	const ids = 256 // about what a player has besides exts
	for _, party := range r.Parties {
		p := page(ids + party.Ext.Len())
		p.Parties = append(p.Parties, party)
	}
	for _, player := range r.Players {
		bytes := ids + player.RemoveExt.Len()
		if player.Result != nil {
			bytes += player.Result.Ext.Len()
		}
		p := page(bytes)
		p.Players = append(p.Players, player)
	}
	return list
}

// readEnd puts the pieces together again.
func (s *Service) readEnd(ctx context.Context, id string, pages int) (*GameInstanceEndedRequest, error) {
	game, err := pragma.ParseID[pragma.GameInstanceID](id)
	if err != nil {
		return nil, entity.Permanent(err)
	}
	req := &GameInstanceEndedRequest{GameInstanceID: game}
	for n := range pages {
		p, err := s.endPages.Read(ctx, pageID(id, n))
		if err != nil {
			return nil, err
		}
		if n == 0 {
			req.EndedAt, req.Reason, req.TerminationReason, req.RequestExt = p.EndedAt, p.Reason, p.TerminationReason, p.RequestExt
		}
		req.Parties = append(req.Parties, p.Parties...)
		req.Players = append(req.Players, p.Players...)
	}
	return req, nil
}

func pageID(id string, n int) string { return id + "/" + strconv.Itoa(n) }

// inventoryJob has the parties read again what their players own, because jobs
// may have given them something (engine §7.1). Without jobs there is no need: the
// parties have done it when the players came back.
const inventoryJob = "party-inventory"

func inventories(others []Job, parties Parties) Job {
	j := Job{Name: inventoryJob, Run: refresh{parties}}
	for _, other := range others {
		j.After = append(j.After, other.Name)
	}
	return j
}

type refresh struct{ parties Parties }

func (r refresh) OnGameInstanceEnded(ctx context.Context, req *GameInstanceEndedRequest) error {
	var order []pragma.PartyID
	groups := make(map[pragma.PartyID][]pragma.PlayerID)
	for _, p := range req.Players {
		if p.PartyID.IsZero() {
			continue
		}
		if groups[p.PartyID] == nil {
			order = append(order, p.PartyID)
		}
		groups[p.PartyID] = append(groups[p.PartyID], p.PlayerID)
	}
	for _, id := range order {
		if err := r.parties.RefreshInventories(ctx, id, groups[id]); err != nil {
			return fmt.Errorf("refresh inventories of party %s: %w", id, err)
		}
	}
	return nil
}
