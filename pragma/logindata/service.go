package logindata

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Service is the login data service of the Game backend. The zero value works and
// answers with empty data. Fields must not be changed once the server runs.
type Service struct {
	// Plugin names what clients get. Nil means [Defaults].
	Plugin Plugin
	// Inventory is asked by the default job. Nil means that there is no content.
	Inventory Inventory

	m *pragma.Mount
}

// Name implements [pragma.Service].
func (s *Service) Name() string { return "GameDataRpc" }

// Mount implements [pragma.Service].
func (s *Service) Mount(m *pragma.Mount) error {
	if m.Backend() != pragma.Game {
		return errors.New("logindata.Service belongs on the Game backend")
	}
	s.m = m
	if s.Plugin == nil {
		s.Plugin = Defaults{}
	}
	pragma.HandlePlayer(m, "GetLoginDataV3", s.getLoginData)
	pragma.HandlePlayer(m, "GetLoginDataV2", s.getLoginData)
	return pragma.MountPlugin(m, "GameDataService.loginDataPlugin", s.Plugin)
}

// maxJobs bounds what one client can set going.
const maxJobs = 64

func (s *Service) getLoginData(ctx context.Context, p *pragma.PlayerSession, _ *wire.Empty) (*wire.GameDataGetLoginDataV3Response, error) {
	jobs, err := s.jobs(ctx, p)
	if err != nil {
		return nil, err
	}
	d, err := join(s.run(ctx, p, jobs))
	if err != nil {
		return nil, err
	}
	if d.InventoryData.IsEmpty() {
		d.InventoryData = ext.Of(wire.InventoryLoginData{})
	}
	return &wire.GameDataGetLoginDataV3Response{LoginData: wire.LoginDataV3(d)}, nil
}

func (s *Service) jobs(ctx context.Context, p *pragma.PlayerSession) ([]Job, error) {
	var jobs []Job // a late hook may still write it
	err := pragma.RunHook(ctx, s.m, "GetLoginDataJobsV2", func(ctx context.Context) (err error) {
		jobs, err = s.Plugin.GetLoginDataJobsV2(ctx, &GetLoginDataJobsV2Request{
			PlayerID: p.PlayerID, SocialID: p.SocialID, Inventory: s.Inventory,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(jobs) > maxJobs {
		return nil, fmt.Errorf("the login data plugin has %d jobs, %d are possible", len(jobs), maxJobs)
	}
	return jobs, nil
}

// run runs all jobs side by side and returns what each has made; nothing for one
// that failed.
func (s *Service) run(ctx context.Context, p *pragma.PlayerSession, jobs []Job) []LoginData {
	made := make([]LoginData, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() {
			d := new(LoginData) // its own: a job that is left behind may go on writing
			err := pragma.RunHook(ctx, s.m, "LoginDataJob", func(ctx context.Context) error { return job.Run(ctx, d) })
			if err == nil {
				err = errors.Join(d.Ext.Err(), d.InventoryData.Err())
			}
			if err != nil {
				s.m.Log().WarnContext(ctx, "a part of the login data is missing", "player", p.PlayerID, "job", i, "err", err)
				return
			}
			made[i] = *d
		})
	}
	wg.Wait()
	return made
}

// join puts the parts together.
func join(parts []LoginData) (d LoginData, err error) {
	for _, part := range parts {
		if !part.InventoryData.IsEmpty() {
			d.InventoryData = part.InventoryData
		}
		switch {
		case part.Ext.IsEmpty():
		case d.Ext.IsEmpty():
			d.Ext = part.Ext
		default:
			if d.Ext, err = merge(d.Ext, part.Ext); err != nil {
				return LoginData{}, err
			}
		}
	}
	return d, nil
}

// merge joins the members of two messages.
func merge(a, b ext.Value) (ext.Value, error) {
	all, err := ext.As[map[string]jsontext.Value](a)
	if err != nil {
		return ext.Value{}, err
	}
	more, err := ext.As[map[string]jsontext.Value](b)
	if err != nil {
		return ext.Value{}, err
	}
	maps.Copy(all, more)
	v := ext.Of(all)
	return v, v.Err()
}
