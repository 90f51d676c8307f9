// The tokens of jobcrypt, version 1, in Go: written from docs/format.md alone, over Go's own libraries.
//
// Answers one JSON line for each on standard input. A line asks for an op, "seal" or "open", with cipher,
// key, kind, namespace, purpose and detail, and args or stored; bytes are in standard base64. The answer
// is {"result": ...} or {"error": class}.
package main

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/nacl/secretbox"
)

const (
	marker = "river_encrypt"
	form   = "jc1"
	pad    = "+pad"
)

var (
	errAuthentication = errors.New("authentication_failed")
	errMalformed      = errors.New("malformed")
	errNoMatchingKey  = errors.New("no_matching_key")
	errVersion        = errors.New("unsupported_version")

	base64url  = base64.RawURLEncoding.Strict()
	cipherName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)
)

// Ciphers.

// A body is what encrypt returns. Associated data is nil for a cipher that does not take any.
type encryptor interface {
	encrypt(associatedData, plaintext []byte) []byte
	decrypt(associatedData, body []byte) ([]byte, error)
	takesAssociatedData() bool
}

type withAEAD struct{ cipher.AEAD }

func (c withAEAD) takesAssociatedData() bool { return true }

func (c withAEAD) encrypt(associatedData, plaintext []byte) []byte {
	nonce := random(c.NonceSize())
	return c.Seal(nonce, nonce, plaintext, associatedData)
}

func (c withAEAD) decrypt(associatedData, body []byte) ([]byte, error) {
	if len(body) < c.NonceSize() {
		return nil, errAuthentication
	}
	nonce, sealed := body[:c.NonceSize()], body[c.NonceSize():]
	plaintext, err := c.Open(nil, nonce, sealed, associatedData)
	if err != nil {
		return nil, errAuthentication
	}
	return plaintext, nil
}

type box struct{ key [32]byte }

func (c box) takesAssociatedData() bool { return false }

func (c box) encrypt(_, plaintext []byte) []byte {
	var nonce [24]byte
	copy(nonce[:], random(len(nonce)))
	return secretbox.Seal(nonce[:], plaintext, &nonce, &c.key)
}

func (c box) decrypt(_, body []byte) ([]byte, error) {
	var nonce [24]byte
	if copy(nonce[:], body) < len(nonce) {
		return nil, errAuthentication
	}
	plaintext, ok := secretbox.Open(nil, body[len(nonce):], &nonce, &c.key)
	if !ok {
		return nil, errAuthentication
	}
	return plaintext, nil
}

type fernet struct{ signing, encryption []byte }

func (c fernet) takesAssociatedData() bool { return false }

func (c fernet) encrypt(_, plaintext []byte) []byte {
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	padded := append(clone(plaintext), bytes.Repeat([]byte{byte(padding)}, padding)...)
	body := binary.BigEndian.AppendUint64([]byte{0x80}, uint64(time.Now().Unix()))
	iv := random(aes.BlockSize)
	cipher.NewCBCEncrypter(c.block(), iv).CryptBlocks(padded, padded)
	body = append(append(body, iv...), padded...)
	return append(body, c.tag(body)...)
}

func (c fernet) decrypt(_, body []byte) ([]byte, error) {
	const head = 1 + 8 + aes.BlockSize
	end := len(body) - sha256.Size
	if end < head+aes.BlockSize || (end-head)%aes.BlockSize != 0 || body[0] != 0x80 {
		return nil, errAuthentication
	}
	if !hmac.Equal(body[end:], c.tag(body[:end])) {
		return nil, errAuthentication
	}
	plaintext := clone(body[head:end])
	cipher.NewCBCDecrypter(c.block(), body[9:head]).CryptBlocks(plaintext, plaintext)
	padding := int(plaintext[len(plaintext)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errAuthentication
	}
	rest, ok := cutSuffix(plaintext, bytes.Repeat([]byte{byte(padding)}, padding))
	if !ok {
		return nil, errAuthentication
	}
	return rest, nil
}

func (c fernet) block() cipher.Block {
	return must(aes.NewCipher(c.encryption))
}

func (c fernet) tag(signed []byte) []byte {
	signer := hmac.New(sha256.New, c.signing)
	signer.Write(signed)
	return signer.Sum(nil)
}

func newEncryptor(name string, key []byte) encryptor {
	switch name {
	case "aes256gcm":
		return withAEAD{must(cipher.NewGCM(must(aes.NewCipher(key))))}
	case "chacha20poly1305":
		return withAEAD{must(chacha20poly1305.New(key))}
	case "xchacha20poly1305":
		return withAEAD{must(chacha20poly1305.NewX(key))}
	case "secretbox":
		return box{*(*[32]byte)(key)}
	case "fernet":
		return fernet{key[:16], key[16:]}
	}
	panic("no cipher has that name")
}

// Tokens.

type request struct {
	Op, Cipher, Kind, Namespace, Purpose, Detail string
	Key, Args, Stored                            []byte
	// To a multiple of how many bytes a token is padded.
	Pad int
}

func (r *request) keyID() string {
	digest := sha256.New()
	digest.Write([]byte("jobcrypt/key-id/v1\x00" + r.Cipher + "\x00"))
	digest.Write(r.Key)
	return base64url.EncodeToString(digest.Sum(nil)[:16])
}

func (r *request) context(option string) []byte {
	var context []byte
	for _, part := range []string{form + option, r.Purpose, r.Kind, r.Namespace, r.Detail} {
		context = binary.BigEndian.AppendUint16(context, uint16(len(part)))
		context = append(context, part...)
	}
	return context
}

// What stands behind the plaintext of a cipher that takes no associated data.
func (r *request) ending(option string) []byte {
	context := r.context(option)
	ending := binary.BigEndian.AppendUint16(clone(context), uint16(len(context)))
	return append(ending, 0)
}

func (r *request) seal() []byte {
	key := newEncryptor(r.Cipher, r.Key)
	var body []byte
	plaintext, option := r.Args, ""
	if r.Pad > 0 {
		option, plaintext = pad, append(plaintext, 0x80)
		for len(plaintext)%r.Pad != 0 {
			plaintext = append(plaintext, 0)
		}
	}
	if key.takesAssociatedData() {
		body = key.encrypt(r.context(option), plaintext)
	} else {
		body = key.encrypt(nil, append(plaintext, r.ending(option)...))
	}
	token := strings.Join([]string{form, r.Cipher + option, r.keyID(), base64url.EncodeToString(body)}, ".")
	return must(json.Marshal(map[string]string{marker: token}))
}

func (r *request) open() ([]byte, error) {
	var envelope map[string]string
	if json.Unmarshal(r.Stored, &envelope) != nil || len(envelope) != 1 {
		return nil, errMalformed
	}
	parts := strings.Split(envelope[marker], ".")
	if parts[0] != form || len(parts) < 2 {
		return nil, errVersion
	}
	option := ""
	if strings.HasSuffix(parts[1], pad) {
		parts[1], option = strings.TrimSuffix(parts[1], pad), pad
	}
	if len(parts) != 4 || !cipherName.MatchString(parts[1]) {
		return nil, errMalformed
	}
	body, err := base64url.DecodeString(parts[3])
	if err != nil {
		return nil, errMalformed
	}
	if parts[1] != r.Cipher || parts[2] != r.keyID() {
		return nil, errNoMatchingKey
	}
	key := newEncryptor(r.Cipher, r.Key)
	if key.takesAssociatedData() {
		plaintext, err := key.decrypt(r.context(option), body)
		if err != nil {
			return nil, err
		}
		return unpadded(plaintext, option)
	}
	framed, err := key.decrypt(nil, body)
	if err != nil {
		return nil, err
	}
	plaintext, ok := cutSuffix(framed, r.ending(option))
	if !ok {
		return nil, errAuthentication
	}
	return unpadded(plaintext, option)
}

func unpadded(plaintext []byte, option string) ([]byte, error) {
	if option == "" {
		return plaintext, nil
	}
	plaintext, ok := cutSuffix(bytes.TrimRight(plaintext, "\x00"), []byte{0x80})
	if !ok {
		return nil, errAuthentication
	}
	return plaintext, nil
}

// Lines.

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	answers := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		if err := json.Unmarshal(line, &r); err != nil {
			panic(err)
		}
		result, err := []byte(nil), error(nil)
		if r.Op == "seal" {
			result = r.seal()
		} else {
			result, err = r.open()
		}
		if err != nil {
			answers.Encode(map[string]string{"error": err.Error()})
		} else {
			answers.Encode(map[string]string{"result": base64.StdEncoding.EncodeToString(result)})
		}
	}
}

func random(length int) []byte {
	bytes := make([]byte, length, length+64)
	must(rand.Read(bytes))
	return bytes
}

func clone(text []byte) []byte {
	return append([]byte(nil), text...)
}

func cutSuffix(text, suffix []byte) ([]byte, bool) {
	return bytes.TrimSuffix(text, suffix), bytes.HasSuffix(text, suffix)
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
