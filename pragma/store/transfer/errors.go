package transfer

import "errors"

// Errors of this package. Compare with errors.Is.
var (
	// ErrDamaged: the file is not a complete export as it was written. Nothing of
	// it was imported, unless it was changed during the import.
	ErrDamaged = errors.New("not a complete and unchanged export")
	// ErrVersion: the file was written by a newer program.
	ErrVersion = errors.New("the export has a newer format than this program knows")
	// ErrNotEmpty: the store to import into has records.
	ErrNotEmpty = errors.New("the store is not empty")
	// ErrOtherImport: the store holds a part of another export.
	ErrOtherImport = errors.New("the store holds a part of another export")
	// ErrDiffers: the store does not hold what the file holds.
	ErrDiffers = errors.New("the store differs from the export")
	// ErrUnsupported: the driver of the store lacks store.Snapshotter or
	// store.Importer.
	ErrUnsupported = errors.New("the driver of this store cannot do that")
)
