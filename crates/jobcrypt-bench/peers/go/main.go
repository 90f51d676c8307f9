// River's documented way to encrypt jobs, in Go: a secretbox with its nonce in front, in a []byte
// field that encoding/json writes as base64. It measures itself: for each line on standard input,
// `cipher operation size milliseconds`, it answers with the median time per job in nanoseconds.
package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"time"

	"golang.org/x/crypto/nacl/secretbox"
)

// shortestSample is long enough that reading the clock does not count.
const shortestSample = 200 * time.Microsecond

type envelope struct {
	Encrypted []byte `json:"river_encrypt"`
}

type encryptor struct {
	keys [][32]byte
}

func main() {
	fmt.Println(runtime.Version())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var cipher, operation string
		var size, milliseconds int
		if _, err := fmt.Sscan(lines.Text(), &cipher, &operation, &size, &milliseconds); err != nil {
			fail(err)
		}
		job, err := prepare(cipher, operation, size)
		if err != nil {
			fail(err)
		}
		fmt.Println(median(job, time.Duration(milliseconds)*time.Millisecond))
	}
}

// prepare returns what is done once for each job, after having tried that it does it.
func prepare(cipher, operation string, size int) (func(), error) {
	if cipher != "secretbox" {
		return nil, errors.New("this peer knows secretbox only")
	}
	args := argsOf(size)
	one := encryptor{keys: newKeys(1)}
	sealed := one.seal(args)
	if opened, err := one.open(sealed); err != nil || !bytes.Equal(opened, args) {
		return nil, errors.New("the args do not come back")
	}
	switch operation {
	case "seal":
		return func() { one.seal(args) }, nil
	case "open":
		return func() { must(one.open(sealed)) }, nil
	case "open-tenth-key":
		ten := encryptor{keys: append(newKeys(9), one.keys...)}
		return func() { must(ten.open(sealed)) }, nil
	case "open-plaintext":
		return func() { must(one.open(args)) }, nil
	}
	return nil, errors.New("unknown operation " + operation)
}

func (e encryptor) seal(args []byte) []byte {
	var nonce [24]byte
	must(rand.Read(nonce[:]))
	return must(json.Marshal(envelope{secretbox.Seal(nonce[:], args, &nonce, &e.keys[0])}))
}

func (e encryptor) open(stored []byte) ([]byte, error) {
	var found envelope
	if err := json.Unmarshal(stored, &found); err != nil {
		return nil, err
	}
	if found.Encrypted == nil {
		return stored, nil
	}
	var nonce [24]byte
	copy(nonce[:], found.Encrypted)
	for at := range e.keys {
		if args, ok := secretbox.Open(nil, found.Encrypted[24:], &nonce, &e.keys[at]); ok {
			return args, nil
		}
	}
	return nil, errors.New("no key opens this job")
}

func argsOf(size int) []byte {
	head, tail := `{"to":"ada@example.com","text":"`, `"}`
	text := bytes.Repeat([]byte("a"), size-len(head)-len(tail))
	return append(append([]byte(head), text...), tail...)
}

func newKeys(count int) [][32]byte {
	keys := make([][32]byte, count)
	for at := range keys {
		must(rand.Read(keys[at][:]))
	}
	return keys
}

func median(job func(), duration time.Duration) float64 {
	count := 1
	for elapsed(job, count) < shortestSample {
		count *= 2
	}
	var samples []float64
	for start := time.Now(); len(samples) == 0 || time.Since(start) < duration; {
		samples = append(samples, float64(elapsed(job, count).Nanoseconds())/float64(count))
	}
	sort.Float64s(samples)
	middle := len(samples) / 2
	if len(samples)%2 == 1 {
		return samples[middle]
	}
	return (samples[middle-1] + samples[middle]) / 2
}

func elapsed(job func(), count int) time.Duration {
	start := time.Now()
	for range count {
		job()
	}
	return time.Since(start)
}

func must[T any](value T, err error) T {
	if err != nil {
		fail(err)
	}
	return value
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
