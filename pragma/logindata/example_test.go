package logindata_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
	"github.com/openpragma/engine/pragma/logindata"
)

// welcome adds the news of the day to what clients get anyway.
type welcome struct{ logindata.Defaults }

func (p welcome) GetLoginDataJobsV2(ctx context.Context, r *logindata.GetLoginDataJobsV2Request) ([]logindata.Job, error) {
	jobs, err := p.Defaults.GetLoginDataJobsV2(ctx, r)
	return append(jobs, logindata.JobFunc(news)), err
}

func news(_ context.Context, d *logindata.LoginData) error {
	d.Ext = ext.Of(map[string]string{"news": "a new map"})
	return nil
}

// A plugin embeds Defaults and adds jobs. It needs no server to be tested.
func Example() {
	srv := &pragma.Server{
		Game: []pragma.Service{&logindata.Service{Plugin: welcome{}}},
	}
	fmt.Println(srv.Game[0].Name())

	jobs, err := welcome{}.GetLoginDataJobsV2(context.Background(), &logindata.GetLoginDataJobsV2Request{})
	fmt.Println(len(jobs), err)
	var d logindata.LoginData
	err = jobs[0].Run(context.Background(), &d)
	fmt.Println(d.Ext, err)
	// Output:
	// GameDataRpc
	// 1 <nil>
	// {"news":"a new map"} <nil>
}
