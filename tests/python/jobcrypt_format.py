"""The stored format of jobcrypt, version 1, in Python: written from docs/format.md alone, to prove that
the text is enough and that the Rust crates keep to it.

    jobcrypt_format.py                      answers one JSON line for each on standard input
    jobcrypt_format.py --check v1.json      recomputes every frozen vector

A line asks for an `op`: `seal`, `open`, `legacy_seal` or `legacy_open`, with `cipher`, `key`, `kind`,
`namespace`, `purpose` and `detail`, for the legacy ones also `form`, and `args` or `stored`; `seal` takes
`pad`, a number of bytes or null, and `fields`, with the lists `required`, `optional` and `bound`, or null. Bytes
are in standard base64. The answer is `{"result": ...}`, with null for plaintext, or `{"error": class}`.
"""

import base64
import hashlib
import json
import os
import re
import sys
import time
from dataclasses import dataclass, field

import cryptography.fernet
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, aead, algorithms, modes
from nacl import bindings, exceptions, secret

MARKER = "river_encrypt"
FORMS = ("jc1", "jc1f")
MOST_KEYS_TRIED = 16


class Refused(Exception):
    """What is stored, or is to be stored, is refused. Holds the class of the error and nothing else."""

    def __init__(self, error):
        super().__init__(error)
        self.error = error


# Base64 in its one spelling


def to_base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text):
    return _decode(text, base64.urlsafe_b64decode, to_base64url, missing="=" * (-len(text) % 4))


def from_standard_base64(text):
    return _decode(text, base64.b64decode, lambda data: base64.b64encode(data).decode())


def from_padded_base64url(text):
    return _decode(
        text, base64.urlsafe_b64decode, lambda data: base64.urlsafe_b64encode(data).decode()
    )


def _decode(text, decode, encode, missing=""):
    # Python's decoder skips what it does not know, so the proof is to spell the bytes again.
    try:
        data = decode(text + missing)
    except ValueError:
        raise Refused("malformed") from None
    if encode(data) != text:
        raise Refused("malformed")
    return data


# Keys and contexts


def key_id(cipher, key):
    digest = hashlib.sha256(b"jobcrypt/key-id/v1\0" + cipher.encode() + b"\0" + key).digest()
    return digest[:16]


def u16(length):
    return length.to_bytes(2, "big")


@dataclass(frozen=True)
class Context:
    kind: str
    namespace: str = ""
    purpose: str = "args"
    detail: str = ""

    def to_bytes(self, form="jc1"):
        is_of_fields = form.startswith("jc1f") and self.purpose == "args"
        purpose = "fields" if is_of_fields else self.purpose
        parts = [form, purpose, self.kind, self.namespace, self.detail]
        encoded = [part.encode() for part in parts]
        if sum(len(part) + 2 for part in encoded) > 0xFFFF:
            raise Refused("invalid_configuration")
        return b"".join(u16(len(part)) + part for part in encoded)


# Ciphers: each takes its key, and only here, for the vectors, a nonce


class XChaCha20Poly1305:
    name = "xchacha20poly1305"
    takes_associated_data = True

    def __init__(self, key):
        self.key = key

    def encrypt(self, associated_data, plaintext, _fixed=None):
        nonce = _fixed["nonce"] if _fixed else os.urandom(24)
        return nonce + bindings.crypto_aead_xchacha20poly1305_ietf_encrypt(
            plaintext, associated_data, nonce, self.key
        )

    def decrypt(self, associated_data, body):
        if len(body) < 24 + 16:
            raise Refused("authentication_failed")
        try:
            return bindings.crypto_aead_xchacha20poly1305_ietf_decrypt(
                body[24:], associated_data, body[:24], self.key
            )
        except exceptions.CryptoError:
            raise Refused("authentication_failed") from None


class WithNonceOf12:
    takes_associated_data = True

    def __init__(self, key):
        self.aead = self.library(key)

    def encrypt(self, associated_data, plaintext, _fixed=None):
        nonce = _fixed["nonce"] if _fixed else os.urandom(12)
        return nonce + self.aead.encrypt(nonce, plaintext, associated_data)

    def decrypt(self, associated_data, body):
        if len(body) < 12 + 16:
            raise Refused("authentication_failed")
        try:
            return self.aead.decrypt(body[:12], body[12:], associated_data)
        except InvalidTag:
            raise Refused("authentication_failed") from None


class Aes256Gcm(WithNonceOf12):
    name = "aes256gcm"
    library = aead.AESGCM


class ChaCha20Poly1305(WithNonceOf12):
    name = "chacha20poly1305"
    library = aead.ChaCha20Poly1305


class Secretbox:
    name = "secretbox"
    takes_associated_data = False

    def __init__(self, key):
        self.box = secret.SecretBox(key)

    def encrypt(self, _associated_data, plaintext, _fixed=None):
        return bytes(self.box.encrypt(plaintext, _fixed["nonce"] if _fixed else None))

    def decrypt(self, _associated_data, body):
        if len(body) < 24 + 16:
            raise Refused("authentication_failed")
        try:
            return self.box.decrypt(body)
        except exceptions.CryptoError:
            raise Refused("authentication_failed") from None


class Fernet:
    name = "fernet"
    takes_associated_data = False

    def __init__(self, key):
        self.signing_key, self.encryption_key = key[:16], key[16:]
        # Python's own reader and writer of tokens, which the fixed path below is to agree with.
        self.library = cryptography.fernet.Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, _associated_data, plaintext, _fixed=None):
        if not _fixed:
            return base64.urlsafe_b64decode(self.library.encrypt(plaintext))
        padder = padding.PKCS7(128).padder()
        padded = padder.update(plaintext) + padder.finalize()
        cbc = Cipher(algorithms.AES(self.encryption_key), modes.CBC(_fixed["iv"])).encryptor()
        ciphertext = cbc.update(padded) + cbc.finalize()
        signed = b"\x80" + _fixed["time"].to_bytes(8, "big") + _fixed["iv"] + ciphertext
        signer = hmac.HMAC(self.signing_key, hashes.SHA256())
        signer.update(signed)
        return signed + signer.finalize()

    def decrypt(self, _associated_data, body):
        try:
            return self.library.decrypt(base64.urlsafe_b64encode(body))
        except (cryptography.fernet.InvalidToken, ValueError):
            raise Refused("authentication_failed") from None


CIPHERS = {
    cipher.name: cipher
    for cipher in (XChaCha20Poly1305, Aes256Gcm, ChaCha20Poly1305, Secretbox, Fernet)
}


@dataclass(frozen=True)
class Key:
    cipher: str
    key: bytes = field(repr=False)

    @property
    def id(self):
        return key_id(self.cipher, self.key)

    def encryptor(self):
        return CIPHERS[self.cipher](self.key)


# Tokens


def ending(context):
    return context + u16(len(context)) + b"\0"


def write_token(key, context, args, _fixed=None, form="jc1", pad=None):
    option = "+pad" if pad else ""
    if pad:
        args += b"\x80"
        args += b"\0" * (-len(args) % pad)
    encryptor, context = key.encryptor(), context.to_bytes(form + option)
    if encryptor.takes_associated_data:
        body = encryptor.encrypt(context, args, _fixed)
    else:
        body = encryptor.encrypt(b"", args + ending(context), _fixed)
    return ".".join([form, key.cipher + option, to_base64url(key.id), to_base64url(body)])


def read_token(token, keys, context):
    form, *parts = token.split(".")
    if form not in FORMS:
        raise Refused("unsupported_version" if claims_version(token) else "malformed")
    if len(parts) != 3:
        raise Refused("malformed")
    cipher, id_text, body_text = parts
    cipher, plus, option = cipher.partition("+")
    if plus and option != "pad":
        raise Refused("unsupported_version")
    if not re.fullmatch("[a-z0-9-]{1,32}", cipher):
        raise Refused("malformed")
    id_bytes = from_base64url(id_text)
    if len(id_bytes) != 16:
        raise Refused("malformed")
    key = next((key for key in keys if key.cipher == cipher and key.id == id_bytes), None)
    if key is None:
        raise Refused("no_matching_key")
    context, encryptor = context.to_bytes(form + plus + option), key.encryptor()
    body = from_base64url(body_text)
    if encryptor.takes_associated_data:
        plaintext = encryptor.decrypt(context, body)
    else:
        plaintext, expected = encryptor.decrypt(b"", body), ending(context)
        if not plaintext.endswith(expected):
            raise Refused("authentication_failed")
        plaintext = plaintext[: -len(expected)]
    if plus:
        plaintext = plaintext.rstrip(b"\0")
        if not plaintext.endswith(b"\x80"):
            raise Refused("authentication_failed")
        plaintext = plaintext[:-1]
    return plaintext


def claims_version(text):
    return re.match("jc[0-9]", text) is not None and "." in text


# Envelopes


class Pairs(list):
    """A JSON object as it is written: duplicate keys stay."""


def parse_json(stored):
    def refuse(_constant):
        raise ValueError

    # No number matters here, and Python limits the digits of those that it reads.
    def skip(_digits):
        return 0

    return json.loads(
        stored.decode(),
        object_pairs_hook=Pairs,
        parse_constant=refuse,
        parse_int=skip,
        parse_float=skip,
    )


def text_under_marker(stored):
    """Returns the text under the marker, or None when the args are no envelope."""
    if not any(text in stored for text in (MARKER.encode(), b"\\", b"jc1.", b"jc1f.")):
        return None
    try:
        args = parse_json(stored)
    except (ValueError, RecursionError):
        raise Refused("malformed") from None
    if not isinstance(args, Pairs):
        return None
    values = [value for name, value in args if name == MARKER]
    if not values:
        if is_under_another_marker(args):
            raise Refused("malformed")
        return None
    if len(values) != 1 or not isinstance(values[0], str):
        raise Refused("malformed")
    if len(args) != 1 and not values[0].startswith("jc1f."):
        raise Refused("malformed")
    return values[0]


def is_under_another_marker(args):
    # A token of fields at the top, or any token alone.
    return any(
        isinstance(value, str)
        and is_token(value)
        and (len(args) == 1 or value.startswith("jc1f."))
        for _, value in args
    )


def is_token(text):
    form, *parts = text.split(".")
    if form not in FORMS or len(parts) != 3:
        return False
    if not re.fullmatch(r"[a-z0-9-]{1,32}(\+pad)?", parts[0]):
        return False
    try:
        return len(from_base64url(parts[1])) == 16
    except Refused:
        return False


def seal(key, context, args, _fixed=None, pad=None):
    token = write_token(key, context, args, _fixed, pad=pad)
    return ('{"%s":"%s"}' % (MARKER, token)).encode()


def open_stored(stored, keys, context, legacy=()):
    """Returns the args, or None when `stored` is plaintext."""
    text = text_under_marker(stored)
    if text is not None:
        if "River" in legacy and not claims_version(text):
            if not text:
                raise Refused("malformed")
            return open_legacy("River", from_standard_base64(text), keys)
        plaintext = read_token(text, keys, context)
        if text.startswith("jc1f."):
            return put_together(stored.decode(), plaintext.decode()).encode()
        return plaintext
    plain = next((form for form in legacy if form in ("PlainBox", "PlainFernet")), None)
    stored = stored.strip(b" \t\r\n")
    if plain is None or not stored.startswith(b'"'):
        return None
    try:
        text = parse_json(stored)
    except ValueError:
        raise Refused("malformed") from None
    if claims_version(text):
        raise Refused("malformed")
    if not text:
        raise Refused("malformed")
    decode = from_padded_base64url if plain == "PlainFernet" else from_standard_base64
    return open_legacy(plain, decode(text), keys)


# Fields


def parts_of(path):
    """Returns the parts of a path, `None` for `*`."""
    if not path.startswith("/"):
        raise Refused("invalid_configuration")
    unescape = {"~0": "~", "~1": "/", "~2": "*"}
    return [
        None if part == "*" else re.sub("~[012]", lambda it: unescape[it[0]], part)
        for part in path[1:].split("/")
    ]


SPACE = re.compile(r"[ \t\n\r]*")
VALUE = json.JSONDecoder(object_pairs_hook=Pairs, parse_int=str, parse_float=str)


class Args:
    """An object as it is written, and the places to which paths lead."""

    def __init__(self, text, paths):
        self.text, self.paths = text, [parts_of(path) for path in paths]
        self.places = []  # (number of the path, pointer, start, end), as they stand
        self.member = None  # what to take out to take the marker out
        at = self.space(0)
        if text[at : at + 1] != "{":
            raise Refused("not_an_object")
        self.begin = at + 1
        self.is_empty = text[self.space(self.begin)] == "}"
        try:
            end = self.object(at, range(len(paths)), 0, "")
        except (ValueError, IndexError):
            raise Refused("malformed") from None
        if self.space(end) != len(text):
            raise Refused("malformed")

    def space(self, at):
        return SPACE.match(self.text, at).end()

    def value(self, at, active, depth, pointer):
        done = [path for path in active if len(self.paths[path]) == depth]
        if active and not done and self.text[at] == "{":
            return self.object(at, active, depth, pointer)
        if active and not done and self.text[at] == "[":
            return self.array(at, active, depth, pointer)
        _, end = VALUE.raw_decode(self.text, at)
        if done:
            self.places.append((done[0], pointer, at, end))
        return end

    def object(self, at, active, depth, pointer):
        has_any = any(self.paths[path][depth] is None for path in active)
        names, comma = set(), None
        at = self.space(at + 1)
        if self.text[at] == "}":
            return at + 1
        while True:
            start = self.space(at)
            name, at = VALUE.raw_decode(self.text, start)
            at = self.space(at)
            if not isinstance(name, str) or self.text[at] != ":":
                raise ValueError
            at = self.space(at + 1)
            if depth == 0 and name == MARKER:
                _, at = VALUE.raw_decode(self.text, at)
                behind = self.space(at)
                if self.text[behind] == ",":
                    self.member = (start, behind + 1)
                else:
                    self.member = (start if comma is None else comma, at)
            else:
                leading = [path for path in active if self.paths[path][depth] in (None, name)]
                if name in names and (leading or has_any):
                    raise Refused("duplicate_field")
                names.add(name)
                escaped = name.replace("~", "~0").replace("/", "~1")
                at = self.value(at, leading, depth + 1, pointer + "/" + escaped)
            comma = at = self.space(at)
            at += 1
            if self.text[comma] == "}":
                return at
            if self.text[comma] != ",":
                raise ValueError

    def array(self, at, active, depth, pointer):
        at, index = self.space(at + 1), 0
        if self.text[at] == "]":
            return at + 1
        while True:
            leading = [path for path in active if self.paths[path][depth] in (None, str(index))]
            at = self.value(self.space(at), leading, depth + 1, "%s/%d" % (pointer, index))
            at, index = self.space(at), index + 1
            at += 1
            if self.text[at - 1] == "]":
                return at
            if self.text[at - 1] != ",":
                raise ValueError


def u64(length):
    return length.to_bytes(8, "big")


def sized(text):
    return u64(len(text.encode())) + text.encode()


def meaning(text):
    """Returns the bytes that stand for a JSON value, however it is written."""
    return meaning_of(json.loads(text, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number))


class Number(str):
    pass


def meaning_of(value):
    if value is None:
        return b"z"
    if value is True or value is False:
        return b"t" if value else b"f"
    if isinstance(value, Number):
        return b"n" + sized(spell(value))
    if isinstance(value, str):
        return b"s" + sized(value)
    if isinstance(value, Pairs):
        if len({name for name, _ in value}) != len(value):
            raise Refused("duplicate_field")
        members = sorted((name.encode(), member) for name, member in value)
        parts = [u64(len(name)) + name + meaning_of(member) for name, member in members]
        return b"o" + u64(len(parts)) + b"".join(parts)
    return b"a" + u64(len(value)) + b"".join(meaning_of(element) for element in value)


def spell(number):
    sign, whole, fraction, power = re.fullmatch(
        r"(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?", number
    ).groups()
    digits, power = whole + (fraction or ""), int(power or 0) - len(fraction or "")
    significant = digits.rstrip("0")
    power += len(digits) - len(significant)
    significant = significant.lstrip("0")
    return "%s%se%d" % (sign, significant, power) if significant else "0e0"


def bound_digest(args, bound, first):
    digest = hashlib.sha256(b"jobcrypt/bound/v1\0")
    for number, path in enumerate(bound, first):
        here = sorted(
            (pointer.encode(), args.text[start:end])
            for place, pointer, start, end in args.places
            if place == number
        )
        digest.update(sized(path) + u64(len(here)))
        for pointer, value in here:
            digest.update(u64(len(pointer)) + pointer + meaning(value))
    return to_base64url(digest.digest()) if bound else ""


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def seal_fields(key, context, args, required, optional=(), bound=(), pad=None, _fixed=None):
    sealed = [*required, *optional]
    args = Args(args.decode(), [*sealed, *bound])
    if args.member:
        raise Refused("marker_in_args")
    if not set(range(len(required))) <= {place[0] for place in args.places}:
        raise Refused("field_missing")
    parts = [compact(sealed), compact(list(bound))]
    parts.append(compact(bound_digest(args, bound, len(sealed))))
    readable, at = "", args.begin
    for number, pointer, start, end in args.places:
        if number < len(sealed):
            parts += [compact(pointer), args.text[start:end]]
            readable += args.text[at:start] + "null"
            at = end
    plaintext = "[%s]" % ",".join(parts)
    token = write_token(key, context, plaintext.encode(), _fixed, "jc1f", pad)
    comma = "" if args.is_empty else ","
    member = '"%s":"%s"%s' % (MARKER, token, comma)
    return (args.text[: args.begin] + member + readable + args.text[at:]).encode()


def put_together(stored, plaintext):
    at, parts = 1, []
    while plaintext[at - 1] != "]":
        _, end = VALUE.raw_decode(plaintext, at)
        parts.append(plaintext[at:end])
        at = end + 1
    sealed, bound, digest = (json.loads(part) for part in parts[:3])
    values = dict(zip((json.loads(part) for part in parts[3::2]), parts[4::2]))
    args = Args(stored, [*sealed, *bound])
    if bound_digest(args, bound, len(sealed)) != digest:
        raise Refused("bound_field_changed")
    places = [place for place in args.places if place[0] < len(sealed)]
    for _, pointer, start, end in places:
        if pointer not in values or stored[start:end] != "null":
            raise Refused("field_changed")
    if len(places) != len(values):
        raise Refused("field_changed")
    changes = [(start, end, values[pointer]) for _, pointer, start, end in places]
    changes.append((*args.member, ""))
    for start, end, value in sorted(changes, reverse=True):
        stored = stored[:start] + value + stored[end:]
    return stored


# Legacy forms

FITS = {
    "River": set(CIPHERS),
    "PlainBox": {"secretbox"},
    "PlainFernet": {"fernet"},
}


def open_legacy(form, body, keys):
    fitting = [key for key in keys if key.cipher in FITS[form]]
    for key in fitting[:MOST_KEYS_TRIED]:
        try:
            plaintext = key.encryptor().decrypt(b"", body)
        except Refused:
            continue
        if plaintext.endswith(b"\0"):
            raise Refused("authentication_failed")
        return plaintext
    raise Refused("no_matching_key")


def seal_legacy(form, key, args, _fixed=None):
    """What was stored before jobcrypt. Nothing but tests and vectors writes it."""
    if args.endswith(b"\0"):
        raise Refused("malformed")
    body = key.encryptor().encrypt(b"", args, _fixed)
    if form == "PlainFernet":
        return json.dumps(base64.urlsafe_b64encode(body).decode()).encode()
    text = json.dumps(base64.b64encode(body).decode()).encode()
    return text if form == "PlainBox" else b'{"%s":%s}' % (MARKER.encode(), text)


# The lines


def answer(line):
    key = Key(line["cipher"], base64.b64decode(line["key"]))
    context = Context(line["kind"], line["namespace"], line["purpose"], line["detail"])
    sent = base64.b64decode(line["args" if line["op"].endswith("seal") else "stored"])
    if line["op"] == "seal":
        fields, pad = line.get("fields"), line.get("pad")
        if fields:
            lists = fields["required"], fields["optional"], fields["bound"]
            return seal_fields(key, context, sent, *lists, pad)
        return seal(key, context, sent, pad=pad)
    if line["op"] == "open":
        return open_stored(sent, [key], context)
    if line["op"] == "legacy_seal":
        return seal_legacy(line["form"], key, sent)
    if line["op"] == "legacy_open":
        return open_stored(sent, [key], context, [line["form"]])
    raise SystemExit("no such op")


def serve():
    for line in sys.stdin:
        try:
            result = answer(json.loads(line))
            reply = {"result": None if result is None else base64.b64encode(result).decode()}
        except Refused as refused:
            reply = {"error": refused.error}
        print(json.dumps(reply), flush=True)


# The vectors


def read_key(entry):
    return Key(entry["cipher"], bytes.fromhex(entry["key"]))


def read_context(entry):
    return Context(entry["kind"], entry["namespace"], entry["purpose"], entry["detail"])


def read_fixed(entry):
    if entry["cipher"] == "fernet":
        return {"time": entry["time"], "iv": bytes.fromhex(entry["iv"])}
    return {"nonce": bytes.fromhex(entry["nonce"])}


def check(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    keys = {name: read_key(entry) for name, entry in vectors["keys"].items()}

    def expect(entry, what, found, expected):
        if found != expected:
            raise SystemExit("%s: %s is not what the vector has" % (entry["name"], what))

    def outcome(entry):
        held = [keys[name] for name in entry["keys"]]
        try:
            return open_stored(
                entry["stored"].encode(), held, read_context(entry["context"]), entry["legacy"]
            )
        except Refused as refused:
            return {"error": refused.error}

    for name, entry in vectors["keys"].items():
        expect({"name": name}, "the key id", to_base64url(keys[name].id), entry["key_id"])
    for entry in vectors["tokens"]:
        key, context = keys[entry["key"]], read_context(entry["context"])
        args, stored = entry["args"].encode(), entry["stored"].encode()
        expect(entry, "the context", context.to_bytes().hex(), entry["context"]["bytes"])
        token = write_token(key, context, args, read_fixed(entry))
        expect(entry, "the body", from_base64url(token.split(".")[3]).hex(), entry["body"])
        expect(entry, "the token", token, entry["token"])
        expect(entry, "the stored args", seal(key, context, args, read_fixed(entry)), stored)
        expect(entry, "what opens", open_stored(stored, [key], context), args)
    for entry in vectors["padded"]:
        key, context = keys[entry["key"]], read_context(entry["context"])
        args, stored = entry["args"].encode(), entry["stored"].encode()
        made = seal(key, context, args, read_fixed(entry), entry["pad"])
        expect(entry, "the stored args", made, stored)
        expect(entry, "what opens", open_stored(stored, [key], context), args)
    for entry in vectors["fields"]:
        key, context = keys[entry["key"]], read_context(entry["context"])
        args, stored = entry["args"].encode(), entry["stored"].encode()
        lists = entry["required"], entry["optional"], entry["bound"]
        made = seal_fields(key, context, args, *lists, entry["pad"], read_fixed(entry))
        expect(entry, "the stored args", made, stored)
        expect(entry, "what opens", open_stored(stored, [key], context), args)
    for entry in vectors["legacy"]:
        key, args, stored = keys[entry["key"]], entry["args"].encode(), entry["stored"].encode()
        written = seal_legacy(entry["form"], key, args, read_fixed(entry))
        expect(entry, "the stored args", written, stored)
        opened = open_stored(stored, [key], Context("any kind"), [entry["form"]])
        expect(entry, "what opens", opened, args)
    for entry in vectors["spellings"]:
        expect(entry, "what opens", outcome(entry), entry["args"].encode())
    for entry in vectors["plaintext"]:
        expect(entry, "what opens", outcome(entry), None)
    for entry in vectors["refused"]:
        expect(entry, "the error", outcome(entry), {"error": entry["error"]})
    sections = ("tokens", "padded", "fields", "legacy", "spellings", "plaintext", "refused")
    print(json.dumps({section: len(vectors[section]) for section in sections}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--check"]:
        check(sys.argv[2])
    else:
        serve()
