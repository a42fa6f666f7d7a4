package logindata

import (
	"context"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// Plugin decides what clients get (engine §2.3, LoginDataPlugin, slot
// GameDataService.loginDataPlugin). Embed [Defaults] to implement it.
type Plugin interface {
	// GetLoginDataJobsV2 returns the jobs for one client. An error refuses the
	// call and reaches the client. It may be called for different players at once.
	GetLoginDataJobsV2(ctx context.Context, r *GetLoginDataJobsV2Request) ([]Job, error)

	mustEmbedDefaults()
}

// GetLoginDataJobsV2Request is for [Plugin.GetLoginDataJobsV2].
type GetLoginDataJobsV2Request struct {
	PlayerID pragma.PlayerID
	SocialID pragma.SocialID
	// Inventory is that of the service; nil if it has none.
	Inventory Inventory
}

// Job makes a part of the login data.
type Job interface {
	// Run fills in its part of d, which is empty and its own. All jobs of a client
	// run at the same time, each with the time of one hook (pluginTimeoutMillis).
	// With an error or a panic, or too late, the job adds nothing.
	Run(ctx context.Context, d *LoginData) error
}

// JobFunc is a function that is a [Job].
type JobFunc func(ctx context.Context, d *LoginData) error

// Run calls the function.
func (f JobFunc) Run(ctx context.Context, d *LoginData) error { return f(ctx, d) }

// LoginData is what a client gets. What several jobs have made is joined in the
// order of the list.
type LoginData struct {
	// Ext is the studio's own message (ExtLoginData). Members of different jobs
	// are joined; of those with the same name the last one counts.
	Ext ext.Value
	// InventoryData is content for the client's inventory, in the form of
	// wire §7.7. The last job that sets it counts.
	InventoryData ext.Value
}

// Inventory has the content of the game; an *inventory.Service does.
type Inventory interface {
	// LoginContent returns the value of inventoryData of wire §7.7.
	LoginContent(ctx context.Context, id pragma.PlayerID) (ext.Value, error)
}

// Defaults are the documented defaults of [Plugin].
type Defaults struct{}

var _ Plugin = Defaults{}

func (Defaults) mustEmbedDefaults() {}

// GetLoginDataJobsV2 returns one job, which fetches the inventory's content; none
// if there is no inventory.
func (Defaults) GetLoginDataJobsV2(_ context.Context, r *GetLoginDataJobsV2Request) ([]Job, error) {
	if r.Inventory == nil {
		return nil, nil
	}
	inventory, id := r.Inventory, r.PlayerID
	return []Job{JobFunc(func(ctx context.Context, d *LoginData) (err error) {
		d.InventoryData, err = inventory.LoginContent(ctx, id)
		return err
	})}, nil
}
