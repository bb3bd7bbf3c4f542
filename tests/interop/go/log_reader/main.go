// log_reader judges a log with golang.org/x/mod/sumdb/note and golang.org/x/mod/sumdb/tlog, the code with which every go
// command checks sum.golang.org. None of its hashing, proving or signature checking is written here; what is written here is
// how C2SP tlog-tiles names files and frames entries, which differs from the sum database.
//
//	log_reader folder VKEY DIR [CHECKPOINT...]  the folder is whole, and extends each of these older heads
//	log_reader proof VKEY FILE.tlog-proof       the entry that the file carries is in the log of the head that it carries
//
// It ends with 0 and says what it checked, or with 1 and says what is wrong.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// openHead verifies the signature and reads the tree. tlog.ParseTree wants the sum database's own first line where a C2SP
// tlog-checkpoint has the log's origin; everything after that line is the same.
func openHead(text []byte, vkey string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return tlog.Tree{}, err
	}
	opened, err := note.Open(text, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	origin, rest, found := strings.Cut(opened.Text, "\n")
	if !found || origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the head is of %q, the key of %q", origin, verifier.Name())
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

// folder is an exported log. tlog asks it for tiles.
type folder struct{ dir string }

func (f folder) file(t tlog.Tile, level string) string {
	parts := strings.Split(t.Path(), "/") // tile/H/L/N..., C2SP tlog-tiles has no H
	return filepath.Join(append([]string{f.dir, "tile", level}, parts[3:]...)...)
}

func (f folder) tile(t tlog.Tile) ([]byte, error) {
	data, err := os.ReadFile(f.file(t, strconv.Itoa(t.L)))
	if err == nil && len(data) != t.W*tlog.HashSize {
		err = fmt.Errorf("%s has %d bytes", t.Path(), len(data))
	}
	return data, err
}

func (f folder) Height() int { return tileHeight }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		data, err := f.tile(t)
		if err != nil {
			return nil, err
		}
		out[i] = data
	}
	return out, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

// entries reads every bundle that a tree of this size has, and nothing must be left over.
func (f folder) entries(size int64) ([][]byte, error) {
	var out [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := size - n*256
		if width > 256 {
			width = 256
		}
		path := f.file(tlog.Tile{H: tileHeight, L: 0, N: n, W: int(width)}, "entries")
		data, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		for i := int64(0); i < width; i++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends within entry %d", path, n*256+i)
			}
			length := 2 + int(binary.BigEndian.Uint16(data))
			out = append(out, data[2:length])
			data = data[length:]
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("%s goes on after its last entry", path)
		}
	}
	return out, nil
}

// rebuilt is the tree that the entries alone make.
func rebuilt(entries [][]byte) (tlog.HashReader, error) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			if index >= int64(len(stored)) {
				return nil, errors.New("a hash that is not there yet")
			}
			out[i] = stored[index]
		}
		return out, nil
	})
	for i, entry := range entries {
		more, err := tlog.StoredHashes(int64(i), entry, reader)
		if err != nil {
			return nil, err
		}
		stored = append(stored, more...)
	}
	return reader, nil
}

// checkTiles compares each tile of the folder with the one that the entries make.
func (f folder) checkTiles(own tlog.HashReader, size int64) (int, error) {
	count := 0
	for _, t := range tlog.NewTiles(tileHeight, 0, size) {
		last := size>>(uint(t.L)*tileHeight) - t.N<<tileHeight // how much of this tile the tree of this size has
		if t.W != 1<<tileHeight && int64(t.W) != last {
			continue // a partial tile of a smaller log
		}
		have, err := f.tile(t)
		if err != nil {
			return 0, err
		}
		want, err := tlog.ReadTileData(t, own)
		if err != nil {
			return 0, err
		}
		if !bytes.Equal(have, want) {
			return 0, fmt.Errorf("%s is not what the entries make", t.Path())
		}
		count++
	}
	return count, nil
}

func checkFolder(vkey, dir string, older []string) error {
	text, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return err
	}
	head, err := openHead(text, vkey)
	if err != nil {
		return err
	}
	f := folder{dir}
	entries, err := f.entries(head.N)
	if err != nil {
		return err
	}
	own, err := rebuilt(entries)
	if err != nil {
		return err
	}
	tiles, err := f.checkTiles(own, head.N)
	if err != nil {
		return err
	}
	// As a client without the entries: every hash comes out of the folder's tiles, which are held against the signed head.
	published := tlog.TileHashReader(head, f)
	for i, entry := range entries {
		proof, err := tlog.ProveRecord(head.N, int64(i), published)
		if err == nil {
			err = tlog.CheckRecord(proof, head.N, head.Hash, int64(i), tlog.RecordHash(entry))
		}
		if err != nil {
			return fmt.Errorf("entry %d: %w", i, err)
		}
	}
	for _, path := range older {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		old, err := openHead(text, vkey)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if old.N > head.N {
			return fmt.Errorf("%s is of %d entries, the folder of %d", path, old.N, head.N)
		}
		proof, err := tlog.ProveTree(head.N, old.N, published)
		if err == nil {
			err = tlog.CheckTree(proof, head.N, head.Hash, old.N, old.Hash)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	fmt.Printf("%d entries included, %d tiles, %d older heads extended\n", head.N, tiles, len(older))
	return nil
}

// checkProof reads C2SP tlog-proof: magic, extra, index, hashes, blank line, the head.
func checkProof(vkey, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	top, note, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(top, "\n")
	if !found || len(lines) < 3 || lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") || !strings.HasPrefix(lines[2], "index ") {
		return errors.New("this is no tlog-proof with an entry in it")
	}
	head, err := openHead([]byte(note), vkey)
	if err != nil {
		return err
	}
	entry, err := base64.StdEncoding.Strict().DecodeString(lines[1][len("extra "):])
	if err != nil {
		return err
	}
	index, err := strconv.ParseInt(lines[2][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	var proof tlog.RecordProof
	for _, line := range lines[3:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		proof = append(proof, hash)
	}
	if err := tlog.CheckRecord(proof, head.N, head.Hash, index, tlog.RecordHash(entry)); err != nil {
		return err
	}
	fmt.Printf("entry %d of %d\n", index, head.N)
	return nil
}

func main() {
	err := errors.New("usage: log_reader folder VKEY DIR [CHECKPOINT...] | log_reader proof VKEY FILE")
	if len(os.Args) >= 4 && os.Args[1] == "folder" {
		err = checkFolder(os.Args[2], os.Args[3], os.Args[4:])
	} else if len(os.Args) == 4 && os.Args[1] == "proof" {
		err = checkProof(os.Args[2], os.Args[3])
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}
