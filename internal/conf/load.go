package conf

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFileBytes is the largest file that is read.
const maxFileBytes = 1 << 20

// A Loader reads configuration files. Set the fields before the first call;
// after that a Loader may be used by several goroutines.
type Loader struct {
	// Files are read from left to right, and later ones win. Each must exist.
	Files []string

	// ReadFile returns the content of a configuration file or of a file named
	// by a file: value. Nil reads from disk. fstest.MapFS has a fitting method.
	ReadFile func(name string) ([]byte, error)

	// LookupEnv returns the value for ${name}. Nil asks the environment.
	LookupEnv func(name string) (string, bool)
}

// A Source is a configuration file held in memory.
type Source struct {
	Name string // shown in findings; file: values are relative to its directory
	Text string
}

// Memory returns a loader for sources. Files named by file: values come from disk.
func Memory(sources ...Source) *Loader {
	l := &Loader{}
	texts := make(map[string]string, len(sources))
	for _, s := range sources {
		l.Files = append(l.Files, s.Name)
		texts[s.Name] = s.Text
	}
	l.ReadFile = func(name string) ([]byte, error) {
		if text, ok := texts[name]; ok {
			return []byte(text), nil
		}
		return readDisk(name)
	}
	return l
}

// Load reads and merges all files and substitutes their values. The error, if
// any, is Findings: files that cannot be read, or not as a YAML map, and whatever
// else is wrong; there is no tree then. Smaller mistakes are kept in the tree, so
// that they do not hide those inside the sections: see [Tree.Mistakes]. Sections
// are not looked into here: that is done by those who claim them.
func (l *Loader) Load() (*Tree, error) {
	tree, _, err := l.load()
	return tree, err
}

// load is Load. It also returns what it read, even if that was wrong.
func (l *Loader) load() (*Tree, inputs, error) {
	seen := make(inputs)
	read := func(name string) ([]byte, error) {
		data, err := l.read(name)
		seen[name] = digest(data, err)
		return data, err
	}
	root := &node{kind: mapping}
	unreadable := false
	var errs []error
	for _, name := range l.Files {
		file, err := loadFile(name, read)
		errs = append(errs, err)
		if file == nil {
			unreadable = true
			continue
		}
		merge(root, file)
	}
	env := l.LookupEnv
	if env == nil {
		env = os.LookupEnv
	}
	errs = append(errs, substitute(root, env, read))
	err := Join(errs...)
	if unreadable {
		return nil, seen, err
	}
	tree := &Tree{root: root, inputs: seen}
	tree.mistakes, _ = errors.AsType[Findings](err)
	return tree, seen, nil
}

// loadFile reads one file into a map and drops what is not of the documented
// shape. The map is nil if there is nothing to go on with.
func loadFile(name string, read func(string) ([]byte, error)) (*node, error) {
	var r report
	data, err := read(name)
	if err != nil {
		r.add(position{file: name}, "", "cannot be read: %v", reason(err))
		return nil, r.err()
	}
	root := parse(&r, name, data)
	if root != nil {
		shape(&r, root)
	}
	return root, r.err()
}

func (l *Loader) read(name string) ([]byte, error) {
	read := l.ReadFile
	if read == nil {
		read = readDisk
	}
	data, err := read(name)
	if err != nil {
		return nil, err
	}
	if len(data) > maxFileBytes {
		return nil, errors.New("larger than 1 MiB")
	}
	return data, nil
}

// readDisk stops one byte behind the limit, whatever the name stands for.
func readDisk(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFileBytes+1))
}

// reason drops the file name, which may hold a substituted value.
func reason(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

// beside returns name as seen from the directory of file.
func beside(file, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(file), name)
}

// inputs are the files that a tree was made from, each with the digest of its
// content or of the error met instead.
type inputs map[string][sha256.Size]byte

func digest(data []byte, err error) [sha256.Size]byte {
	if err != nil {
		return sha256.Sum256([]byte("error: " + err.Error()))
	}
	return sha256.Sum256(data)
}
