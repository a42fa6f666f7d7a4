package inventory

import (
	"errors"
	"time"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma"
)

// Config is the section game.serviceConfigs.InventoryServiceConfig; its keys are
// ours. All of it changes live. Clients notice a change of the catalog or of what
// is hidden at their next log-in, or when they are told to read again
// (ClearPlayerInventoryCachePartnerV1).
type Config struct {
	// Catalog is joined with that of [Service.Catalog]; where both have a kind,
	// this one counts.
	Catalog CatalogConfig `yaml:"catalog"`
	// HiddenItemTags are the tags of kinds that players must not know of; the keys
	// are only there for merging files.
	HiddenItemTags map[string]string `yaml:"hiddenItemTags"`
	// MaxItems is how many stacks and items a player may have: 1 to 16384.
	MaxItems int `yaml:"maxItems"`
	// MaxBytes is how large they may be together: 1 to 4194304. A player's whole
	// inventory is one message, which must fit into core.session.maxQueuedBytes.
	MaxBytes int `yaml:"maxBytes"`
	// MaxItemExtBytes is how large the ext of one item may be: 0 to 8192.
	MaxItemExtBytes int `yaml:"maxItemExtBytes"`
	// MaxOperations is how many operations one request may have, each grant of a
	// reward being one: 1 to 4096.
	MaxOperations int `yaml:"maxOperations"`
	// IdempotencyKeyDays is for how long a key is remembered; at least 1.
	IdempotencyKeyDays int `yaml:"idempotencyKeyDays"`
	// EnableDeletePlayerInventory lets players delete their own inventories.
	EnableDeletePlayerInventory bool `yaml:"enableDeletePlayerInventory"`
}

// CatalogConfig is a [Catalog] in a file, by catalog id.
type CatalogConfig struct {
	Stackables map[string]StackableSpecConfig `yaml:"stackables"`
	Instanced  map[string]InstancedSpecConfig `yaml:"instanced"`
}

// StackableSpecConfig is a [StackableSpec] in a file.
type StackableSpecConfig struct {
	Name         string         `yaml:"name"`
	Limit        int64          `yaml:"limit"`
	Tags         []string       `yaml:"tags"`
	RemoveIfNone bool           `yaml:"removeIfNone"`
	Ext          map[string]any `yaml:"ext"`
}

// InstancedSpecConfig is an [InstancedSpec] in a file.
type InstancedSpecConfig struct {
	Name string         `yaml:"name"`
	Tags []string       `yaml:"tags"`
	Ext  map[string]any `yaml:"ext"`
}

// DefaultConfig returns the defaults: 10,000 items of 2 MiB together, 4 KiB an
// item, 1,000 operations a request, keys for 30 days, the tag "hidden".
func DefaultConfig(mode pragma.Mode) Config {
	return Config{
		HiddenItemTags:              map[string]string{"default": "hidden"},
		MaxItems:                    10_000,
		MaxBytes:                    2 << 20,
		MaxItemExtBytes:             4 << 10,
		MaxOperations:               1000,
		IdempotencyKeyDays:          30,
		EnableDeletePlayerInventory: mode == pragma.Development,
	}
}

// Bounds of the bounds: with them every commit fits into a batch of the store and
// every page into a record.
const (
	mostItems      = 1 << maxDepth * pageItems
	mostBytes      = 4 << 20
	mostExtBytes   = 8 << 10
	mostOperations = 4096
	mostKeyDays    = 3650
)

// Validate reports every value that cannot be meant.
func (c *Config) Validate() error {
	var errs []error
	within := func(field string, value, least, most int) {
		if value < least || value > most {
			errs = append(errs, conf.Fieldf(field, "want %d to %d, got %d", least, most, value))
		}
	}
	within("maxItems", c.MaxItems, 1, mostItems)
	within("maxBytes", c.MaxBytes, 1, mostBytes)
	within("maxItemExtBytes", c.MaxItemExtBytes, 0, mostExtBytes)
	within("maxOperations", c.MaxOperations, 1, mostOperations)
	within("idempotencyKeyDays", c.IdempotencyKeyDays, 1, mostKeyDays)
	written := c.Catalog.catalog()
	if err := written.validate(); err != nil {
		errs = append(errs, conf.Fieldf("catalog", "%v", err))
	}
	return errors.Join(errs...)
}

func (c *Config) keyLife() time.Duration {
	return time.Duration(c.IdempotencyKeyDays) * 24 * time.Hour
}
